from .use import Fast as Fast
