"""The web demo: the presets and the engine of ``replicate`` in a browser, one module a tab.

``limits``, ``settings``, ``workshop``, ``session``, ``chart`` and ``texts`` know no Gradio; the
other modules lay out the page and pass values to and fro.
"""
