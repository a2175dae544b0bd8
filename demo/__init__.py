"""The web demo: the presets and the engine of ``replicate`` in a browser, one module a tab.

``limits``, ``settings``, ``backend``, ``zerogpu``, ``session``, ``comparison``, ``chart`` and
``texts`` lay nothing out; the tabs do, and pass values to and fro.  ``guard``, ``line``,
``messages``, ``results``, ``uploads`` and ``visitors`` keep what SECURITY.md promises.
"""

import os

# Before Gradio is imported: it reports its start to its makers otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Before torch is imported: on a server with other work, threads that wait for each other by
# spinning take the processor from those they wait for. On two busy cores a drawing of 64 px took
# 20 to 30 seconds instead of 0.7.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
