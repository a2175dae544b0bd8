from . import method as method
from .config import load_preset as load_preset
from .engine.engine import Engine as Engine
from .engine.job import Job as Job
from .engine.preset import Preset as Preset
from .images import Picture as Picture
from .images import load_image as load_image
from .networks.spec import NetworkSpec as NetworkSpec

__version__: str
