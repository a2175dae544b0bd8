"""The papers' own images: from a folder, from the cache, or from their addresses."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pydantic import Field

from ..errors import DownloadError, ImageError
from ..storage.download import Digest, download
from ..storage.files import cache_dir, configs_dir
from ..strict import Strict, read_toml, validated
from ..suggest import nearest
from .picture import Picture
from .reading import load_image

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_MOST_BYTES = 200_000_000


class PaperImage(Strict):
    """One entry of ``paper_configs/images.toml``, whose head explains the fields."""

    key: str
    title: str
    author: str
    licence: str
    files: tuple[str, ...] = Field(min_length=1)
    address: str = ""
    md5: str = ""
    note: str = ""

    @property
    def credit(self) -> str:
        """Author, title and licence in one line."""
        return f"{self.author}, {self.title}; {self.licence}"


def paper_image_keys() -> list[str]:
    """Names for ``paper_image``, in the catalogue's order."""
    return list(_catalogue())


def paper_image_entry(key: str) -> PaperImage:
    """What the catalogue says about an image, whether or not the image is at hand.

    Raises:
        ImageError: unknown key; the text names the nearest.
    """
    catalogue = _catalogue()
    if key not in catalogue:
        raise ImageError(f"There is no paper image '{key}'{nearest(key, catalogue)}")
    return catalogue[key]


def paper_image(key: str) -> Picture:
    """A paper's image from the folder ``REPLICATE_IMAGES``, else the cache, else its address.

    Raises:
        ImageError: unknown key, nowhere to be had, or not a picture.
        ReplicateError: the download cannot be kept.
    """
    entry = paper_image_entry(key)
    path = _in_folder(entry)
    picture = load_image(path) if path else _from_cache(entry) or _from_address(entry)
    return replace(picture, name=key, credit=entry.credit)


def paper_image_file(key: str) -> Path | None:
    """The file that ``paper_image`` would read; None if it would download the image.

    Raises:
        ImageError: unknown key, or ``REPLICATE_IMAGES`` names no folder.
    """
    entry = paper_image_entry(key)
    path = _in_folder(entry) or _cached_path(entry)
    return path if path.is_file() else None


def folder_files(folder: str) -> list[Path]:
    """Picture files of a folder inside ``REPLICATE_IMAGES``, by name; none where there is none."""
    chosen = os.environ.get("REPLICATE_IMAGES")
    if not chosen:
        return []
    place = Path(chosen).expanduser() / folder
    return sorted(file for file in place.rglob("*") if file.suffix.lower() in _SUFFIXES)


def folder_pictures(folder: str, most: int) -> list[Picture]:
    """Pictures of a folder inside ``REPLICATE_IMAGES``, by name; none where there is none.

    Of more than ``most`` files, ``most`` are taken at equal distances; what is no picture is left
    out.
    """
    files = folder_files(folder)
    count = min(most, len(files))
    pictures = []
    for number in range(count):
        try:
            pictures.append(load_image(files[number * len(files) // count]))
        except ImageError:
            continue
    return pictures


def read_catalogue(path: Path) -> dict[str, PaperImage]:
    """Entries by key from a catalogue file.

    Raises:
        ConfigError: not TOML, or an unknown, missing or mistyped field; the text names the file,
            the entry and the nearest right word.
    """
    return {
        key: validated(
            PaperImage, {"key": key, **table} if isinstance(table, dict) else table, path, (key,)
        )
        for key, table in read_toml(path).items()
    }


@cache
def _catalogue() -> dict[str, PaperImage]:
    return read_catalogue(configs_dir() / "images.toml")


def _in_folder(entry: PaperImage) -> Path | None:
    chosen = os.environ.get("REPLICATE_IMAGES")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not os.path.isdir(folder):
        raise ImageError(f"REPLICATE_IMAGES names '{folder}', which is not a folder.")
    return next((folder / file for file in entry.files if (folder / file).is_file()), None)


def _cached_path(entry: PaperImage) -> Path:
    suffix = PurePosixPath(urlsplit(entry.address).path).suffix
    return cache_dir() / "images" / f"{entry.key}{suffix}"


def _from_cache(entry: PaperImage) -> Picture | None:
    """The image as downloaded earlier; None if it is absent or has been damaged since."""
    try:
        return load_image(_cached_path(entry))
    except ImageError:
        return None


def _from_address(entry: PaperImage) -> Picture:
    by_hand = f"put it as '{entry.files[0]}' into a folder that REPLICATE_IMAGES names"
    if not entry.address:
        raise ImageError(f"The image '{entry.key}' cannot be downloaded; {by_hand}.")

    def check(path: Path) -> None:
        try:
            load_image(path)
        except ImageError as error:  # it names a temporary file, which says nothing
            raise DownloadError("The downloaded file is not a picture that can be read.") from error
        if entry.md5:
            Digest("md5", entry.md5).advise(path)

    try:
        return load_image(
            download(entry.address, _cached_path(entry), check=check, most=_MOST_BYTES)
        )
    except DownloadError as error:
        raise ImageError(f"{str(error).rstrip('.')}; or {by_hand}.") from error
