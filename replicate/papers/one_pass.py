"""What a figure asks of its fast network, beside the optimisation of the same objective."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ..engine.job import Job
from ..fast.beside import Pass, one_pass, slow_job
from ..fast.setting import Setting
from ..fast.use import Fast
from ..images import Picture
from .studio import Studio

Wish = tuple[Setting, Job]
"""What is asked of the network, and the optimisation of the same objective."""


class OnePass:
    """The fast network of the figure that the studio is at."""

    def __init__(self, studio: Studio):
        self.studio = studio

    @cached_property
    def fast(self) -> Fast:
        engine = self.studio.engine
        return Fast.load(self.studio.config.fast, str(engine.device), engine.precision)

    def wish(self, content: Picture, role: str, layers: Sequence[str], ratio: float) -> Wish:
        """These style layers at full weight, and the figure's one content layer.

        The optimisation takes none of a profile's shortcuts: it is its course that counts.

        Args:
            role: of the artwork.
        """
        studio, weights = self.studio, dict.fromkeys(layers, 1.0)
        ((layer,),) = studio.config.content_sets.values()
        name, artwork = studio.name(role), studio.picture(role)
        setting = self.fast.setting(name, layers=weights, content=layer, ratio=ratio)
        return setting, slow_job(self.fast, setting, content, artwork, **studio.budget)

    def draw(self, wish: Wish) -> Pass:
        """What the network makes of the photograph, judged by the objective."""
        found = one_pass(self.fast, *wish, self.studio.engine)
        self.studio.drawn.append(found)
        return found
