"""What a figure asks of a fast network, beside the optimisation of the same objective."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ..engine.job import Job
from ..fast.beside import Pass, one_pass, slow_job
from ..fast.setting import Setting
from ..fast.use import Fast
from ..images import Picture, bundled
from .studio import Studio

Wish = tuple[Setting, Job]
"""What is asked of the network, and the optimisation of the same objective."""


class OnePass:
    """A fast network of the figure that the studio is at."""

    def __init__(self, studio: Studio, name: str):
        self.studio, self.name = studio, name

    @classmethod
    def all(cls, studio: Studio) -> list[OnePass]:
        """Those that the figure names, in its order."""
        return [cls(studio, name) for name in studio.config.fast]

    @cached_property
    def fast(self) -> Fast:
        engine = self.studio.engine
        return Fast.load(self.name, str(engine.device), engine.precision)

    def wish(self, photograph: Picture, style: str | None = None, **setting: Any) -> Wish:
        """The photograph in a style; of a mixer with more that is asked of it (:class:`Setting`).

        The optimisation takes none of a profile's shortcuts: it is its course that counts.

        Args:
            style: an artwork that the network knows; its first, or only, one unless given.
        """
        asked = self.fast.setting(style, **setting)
        artwork, budget = bundled(asked.style), self.studio.budget
        return asked, slow_job(self.fast, asked, photograph, artwork, **budget)

    def draw(self, wish: Wish) -> Pass:
        """What the network makes of the photograph, judged by the objective."""
        found = one_pass(self.fast, *wish, self.studio.engine)
        self.studio.drawn.append(found)
        return found
