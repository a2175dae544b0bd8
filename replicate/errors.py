"""Errors whose text is one clear sentence for the person at the keyboard.

The command line prints the sentence and exits with status 2; anything else that reaches it is a
bug and keeps its traceback.
"""

MOST_LETTERS = 499


class ReplicateError(Exception):
    """Something that the user can put right; the text says what and, where known, how.

    What a stranger may have put into it, such as a file's name, is made fit for a terminal: one
    line, no control characters, under 500 letters.
    """

    def __init__(self, text: object = ""):
        super().__init__(one_line(text))


class ImageError(ReplicateError):
    """A picture is missing, unreadable, too large, too small or of an unknown name."""


class ConfigError(ReplicateError):
    """A config file has an unknown key, a wrong value or cannot be read."""


class WeightsError(ReplicateError):
    """A network's weights are missing, damaged or of the wrong shape."""


class LayerError(ReplicateError):
    """A layer name that the network does not have."""


class DivergedError(ReplicateError):
    """A loss that became NaN, infinite or exploded; the text names the step.

    Attributes:
        step: the evaluation at which it happened, from 1.
        picture: the last good picture (a ``replicate.images.Picture``).
    """

    def __init__(self, text: str, step: int, picture: object):
        super().__init__(text)
        self.step = step
        self.picture = picture

    def __reduce__(self) -> tuple[type, tuple[str, int, object]]:
        return type(self), (str(self), self.step, self.picture)  # as it comes from other processes


class StoppedError(ReplicateError):
    """Drawing that was asked to stop between two batches; what is drawn is kept.

    Attributes:
        drawn, jobs: different pictures that are there, and that were asked for.
    """

    def __init__(self, drawn: int, jobs: int):
        super().__init__(f"stopped with {drawn} of {jobs} panels drawn")
        self.drawn = drawn
        self.jobs = jobs

    def __reduce__(self) -> tuple[type, tuple[int, int]]:
        return type(self), (self.drawn, self.jobs)


class DownloadError(ReplicateError):
    """An address that cannot be reached, or whose answer is not what was expected."""


def one_line(text: object) -> str:
    """A text in one line: control characters escaped, the middle cut out where it is long."""
    line = " ".join(str(text).split())
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    if len(shown) <= MOST_LETTERS:
        return shown
    half = MOST_LETTERS // 2 - 1
    return f"{shown[:half]} … {shown[-half + 1 :]}"
