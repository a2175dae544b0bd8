"""The web demo: the presets and the engine of ``replicate`` in a browser, one module a tab.

``limits``, ``settings``, ``backend``, ``zerogpu``, ``session``, ``comparison``, ``chart`` and
``texts`` lay nothing out; the tabs do, and pass values to and fro.  ``guard``, ``line``,
``messages``, ``results``, ``uploads`` and ``visitors`` keep what SECURITY.md promises.
"""

import os

# Before Gradio is imported: it reports its start to its makers otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
