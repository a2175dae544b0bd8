"""Layer choice in neural style transfer: one engine, every cited figure, every claim measured.

    from replicate import Engine, Job, load_image, load_preset

    job = Job(load_preset("gatys2016"), load_image("photo.jpg"), load_image("art.jpg"))
    Engine().run(job).picture.save("out.png")

The names lie in ``__init__.pyi`` and are imported when first used: torch takes seconds to import,
and presets, configs and ``replicate --help`` do not need it.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
