"""The web demo: the presets and the engine of ``replicate`` in a browser, one module a tab.

``limits``, ``settings``, ``backend``, ``zerogpu``, ``session``, ``comparison``, ``chart`` and
``texts`` lay nothing out; the other modules do, and pass values to and fro.
"""

import os

# Before Gradio is imported: it reports its start to its makers otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
