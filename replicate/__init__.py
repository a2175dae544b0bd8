"""Layer choice in neural style transfer: one engine, every cited figure, every claim measured.

from replicate import Engine, Job, load_image, load_preset

engine = Engine()
job = Job(load_preset("gatys2016"), load_image("photo.jpg"), load_image("art.jpg"))
for snapshot in engine.stream(job):
    print(snapshot.step, snapshot.loss)
snapshot.image.save("out.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._lazy import importer

if TYPE_CHECKING:
    from .config import load_preset as load_preset
    from .engine import Engine as Engine
    from .engine import Job as Job
    from .engine import Preset as Preset
    from .images import Picture as Picture
    from .images import load_image as load_image
    from .networks.spec import NetworkSpec as NetworkSpec

__version__ = "0.1.0"

_HOMES = {
    "Engine": ".engine.engine",
    "Job": ".engine.job",
    "NetworkSpec": ".networks.spec",
    "Preset": ".engine.preset",
    "Picture": ".images",
    "load_image": ".images",
    "load_preset": ".config",
}
__all__ = list(_HOMES)


_import = importer(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    return _import(name)
