"""Inputs that come with the installation: photographs and drawn artworks."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ImageError, ReplicateError
from ..storage.files import cache_dir
from ..suggest import nearest
from . import artworks
from .picture import Picture, load_image, read_text

ARTWORK_SIZE = 1024
_ARTWORK_CREDIT = "drawn by this project's own program"


@dataclass(frozen=True)
class _Photograph:
    file: str
    credit: str


# Files inside the installed scikit-image wheel; credits from its documentation.
_PHOTOGRAPHS = {
    "astronaut": _Photograph("astronaut.png", "NASA (Eileen Collins), public domain"),
    "chelsea": _Photograph("chelsea.png", "Stefan van der Walt, CC0"),
    "coffee": _Photograph("coffee.png", "Rachel Michetti, Pikolo Espresso Bar, CC0"),
    "rocket": _Photograph("rocket.jpg", "SpaceX, public domain"),
    "motorcycle": _Photograph(
        "motorcycle_left.png", "Scharstein et al., Middlebury stereo benchmark 2014"
    ),
    "horse": _Photograph("horse.png", "Andreas Preuss (marauder), CC0"),
}


def bundled_names() -> dict[str, list[str]]:
    """Names for `bundled`: "photographs" (those installed here), "artworks" to take as styles,
    and drawn "subjects".
    """
    folder = _photograph_folder()
    photographs = [name for name, photo in _PHOTOGRAPHS.items() if (folder / photo.file).is_file()]
    return {
        "photographs": photographs,
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
    photo = _PHOTOGRAPHS[name]
    path = _photograph_folder() / photo.file
    if not path.is_file():
        raise ImageError(f"The installed scikit-image does not contain the photograph '{name}'.")
    return replace(load_image(path), name=name, credit=photo.credit)


def _artwork(name: str) -> Picture:
    path = cache_dir() / "artworks" / f"{name}-v{artworks.VERSION}.png"
    return _cached_artwork(path, name) or _drawn_artwork(path, name)


def _cached_artwork(path: Path, name: str) -> Picture | None:
    """The artwork from the cache unless it is absent, damaged or not what was written."""
    try:
        picture = load_image(path)
        written = read_text(path).get("sha256")
    except ImageError:
        return None
    if picture.sha256 != written:
        return None
    return replace(picture, name=name, credit=_ARTWORK_CREDIT)


def _drawn_artwork(path: Path, name: str) -> Picture:
    pixels = artworks.draw(name, ARTWORK_SIZE)
    picture = Picture.from_array(pixels, name, _ARTWORK_CREDIT)
    try:
        picture.save(path, {"sha256": picture.sha256})
    except ReplicateError as error:
        warnings.warn(f"The artwork '{name}' is drawn anew each time: {error}", stacklevel=2)
    return picture
