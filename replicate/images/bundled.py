"""Inputs that come with the installation: photographs and drawn artworks."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

from ..errors import ImageError
from ..suggest import nearest
from . import artworks
from .picture import Picture
from .reading import load_image

_ARTWORK_CREDIT = "drawn by this project's own program"

_PHOTOGRAPHS = {
    "astronaut": ("skimage", "astronaut.png", "NASA (Eileen Collins), public domain"),
    "chelsea": ("skimage", "chelsea.png", "Stefan van der Walt, CC0"),
    "coffee": ("skimage", "coffee.png", "Rachel Michetti, Pikolo Espresso Bar, CC0"),
    "rocket": ("skimage", "rocket.jpg", "SpaceX, public domain"),
    "motorcycle": (
        "skimage",
        "motorcycle_left.png",
        "Scharstein et al., Middlebury stereo benchmark 2014",
    ),
    "horse": ("skimage", "horse.png", "Andreas Preuss (marauder), CC0"),
    "cameraman": ("skimage", "camera.png", "Lav Varshney, CC0"),
    "hopper": ("matplotlib", "grace_hopper.jpg", "James S. Davis, US Navy, public domain"),
    "pagoda": ("sklearn", "china.jpg", "danielbuechele (Flickr), CC BY 2.0"),
    "dahlia": ("sklearn", "flower.jpg", "vultilion (Flickr), CC BY 2.0"),
}
"""Name to the package that brings it, file and credit, from its documentation."""

_FOLDERS = {
    "skimage": "data",
    "matplotlib": "mpl-data/sample_data",
    "sklearn": "datasets/images",
}
"""Where the installed packages keep their photographs."""


def bundled_names(installed: bool = True) -> dict[str, list[str]]:
    """Names for ``bundled``: "photographs", "artworks" to take as styles, and drawn "subjects".

    Args:
        installed: only photographs that are here; else also those of packages that are not.
    """
    return {
        "photographs": [
            name
            for name, (package, file, _) in _PHOTOGRAPHS.items()
            if not installed
            or ((folder := _photograph_folder(package)) and (folder / file).is_file())
        ],
        "artworks": list(artworks.ARTWORKS),
        "subjects": list(artworks.SUBJECTS),
    }


def bundled(name: str) -> Picture:
    """A photograph or drawing by name, with its credit; never needs a network.

    Drawings are 1024 × 1024 pixels.

    Raises:
        ImageError: unknown name, or a photograph that this scikit-image does not contain.
    """
    if name in _PHOTOGRAPHS:
        return _photograph(name)
    if name in artworks.ARTWORKS or name in artworks.SUBJECTS:
        return _artwork(name)
    known = [known for names in bundled_names().values() for known in names]
    raise ImageError(f"There is no bundled picture '{name}'{nearest(name, known)}")


def _photograph_folder(package: str) -> Path | None:
    """None where the package is not installed."""
    # Found without importing it: that takes long, and scikit-image's own loader might go to the
    # network.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / _FOLDERS[package]


def _photograph(name: str) -> Picture:
    package, file, credit = _PHOTOGRAPHS[name]
    folder = _photograph_folder(package)
    if folder is None:
        needed = {"skimage": "scikit-image", "sklearn": "scikit-learn"}.get(package, package)
        raise ImageError(f"The photograph '{name}' comes with {needed}, which is not installed.")
    if not (folder / file).is_file():
        raise ImageError(f"The installed {package} does not contain the photograph '{name}'.")
    return replace(load_image(folder / file), name=name, credit=credit)


def _artwork(name: str) -> Picture:
    return replace(load_image(artworks.artwork_file(name)), name=name, credit=_ARTWORK_CREDIT)
