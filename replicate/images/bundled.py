"""Inputs that come with the installation: photographs and drawn artworks."""

from __future__ import annotations

import importlib.util
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..errors import ImageError, ReplicateError
from ..storage.files import cache_dir
from ..suggest import nearest
from . import artworks
from .picture import Picture, load_image, read_text

ARTWORK_SIZE = 1024
_ARTWORK_CREDIT = "drawn by this project's own program"

_PHOTOGRAPHS = {
    "astronaut": ("astronaut.png", "NASA (Eileen Collins), public domain"),
    "chelsea": ("chelsea.png", "Stefan van der Walt, CC0"),
    "coffee": ("coffee.png", "Rachel Michetti, Pikolo Espresso Bar, CC0"),
    "rocket": ("rocket.jpg", "SpaceX, public domain"),
    "motorcycle": (
        "motorcycle_left.png",
        "Scharstein et al., Middlebury stereo benchmark 2014",
    ),
    "horse": ("horse.png", "Andreas Preuss (marauder), CC0"),
}
"""Files inside the installed scikit-image wheel; credits from its documentation."""


def bundled_names() -> dict[str, list[str]]:
    """Names for ``bundled``: "photographs" (those installed here), "artworks" to take as styles,
    and drawn "subjects".
    """
    folder = _photograph_folder()
    return {
        "photographs": [
            name for name, (file, _) in _PHOTOGRAPHS.items() if (folder / file).is_file()
        ],
        "artworks": list(artworks.ARTWORKS),
        "subjects": list(artworks.SUBJECTS),
    }


def bundled(name: str) -> Picture:
    """A photograph or drawing by name, with its credit; never needs a network.

    Drawings are 1024 × 1024 pixels, drawn at the first call (some seconds) and then cached.

    Raises:
        ImageError: unknown name, or a photograph that this scikit-image does not contain.
    """
    if name in _PHOTOGRAPHS:
        return _photograph(name)
    if name in artworks.ARTWORKS or name in artworks.SUBJECTS:
        return _artwork(name)
    known = [known for names in bundled_names().values() for known in names]
    raise ImageError(f"There is no bundled picture '{name}'{nearest(name, known)}")


def _photograph_folder() -> Path:
    # Found without importing scikit-image, whose own loader might go to the network.
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise ImageError("The bundled photographs need the package scikit-image.")
    return Path(spec.submodule_search_locations[0]) / "data"


def _photograph(name: str) -> Picture:
    file, credit = _PHOTOGRAPHS[name]
    path = _photograph_folder() / file
    if not path.is_file():
        raise ImageError(f"The installed scikit-image does not contain the photograph '{name}'.")
    return replace(load_image(path), name=name, credit=credit)


def _artwork(name: str) -> Picture:
    """The artwork from the cache, unless it is absent, damaged or another one; else drawn."""
    path = cache_dir() / "artworks" / f"{name}-v{artworks.VERSION}.png"
    with suppress(ImageError):
        picture = replace(load_image(path), name=name, credit=_ARTWORK_CREDIT)
        if read_text(path).get("artwork") == _mark(picture):
            return picture
    pixels = artworks.draw(name, ARTWORK_SIZE)
    picture = Picture.from_array(pixels, name, _ARTWORK_CREDIT)
    try:
        picture.save(path, {"artwork": _mark(picture)})
    except ReplicateError as error:
        warnings.warn(f"The artwork '{name}' is drawn anew each time: {error}", stacklevel=2)
    return picture


def _mark(picture: Picture) -> str:
    """What a cached artwork is known by: its name and its pixels."""
    return f"{picture.name} {picture.sha256}"
