"""Reading ``paper_configs/*.toml``: what the papers say, typed and checked.

An unknown key, layer, image or preset is an error that names the file, the key and the nearest
right word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, field_validator, model_validator

from .engine.preset import Preset
from .errors import ConfigError, ReplicateError
from .fast.shipped import shipped_file
from .figure.claims import Definition
from .images import bundled_names, paper_image_keys
from .measure.matching import TOLERANCE
from .networks.layers import canonical_layer
from .networks.spec import NetworkName
from .storage.files import configs_dir
from .strict import Strict, read_toml, validated
from .suggest import nearest

Inputs = Literal["bundled", "paper"]
CPU_PROFILE = "gallery"
"""Size, evaluations and scales of a single transfer on a CPU: about a minute on two cores; the
papers' 512 px and 500 evaluations would take ten."""

NOT_PAPERS = ("answers", "calibration", "images", "profiles")


class Profile(Strict):
    """How large and how long: longest side in pixels, evaluations of each panel, and how they are
    shared out (``scales`` and ``content_first`` of :class:`Preset`).

    Attributes:
        judged: drawn as the papers draw, without shortcuts (``ratio_pixels`` of the presets too),
            so that evidence may rest on it; a page of any other profile is a preview.
        matched: measures that are off by no more than this share count as matched.
    """

    size: int = Field(ge=16, le=4096)
    evaluations: int = Field(ge=1, le=100_000)
    scales: int = Field(default=1, ge=1, le=6)
    content_first: float = Field(default=0.0, ge=0, lt=1)
    matched: float = Field(default=TOLERANCE, gt=0, le=0.5)
    judged: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _no_shortcuts(self) -> Profile:
        if self.judged and (self.scales > 1 or self.content_first or self.matched > TOLERANCE):
            raise ValueError(
                "a judged profile takes no shortcuts: no scales, no content_first, no loose matches"
            )
        return self


Share = Annotated[float, Field(gt=0, le=1)]
"""Of a profile's evaluations."""


class Fewer(Strict):
    """Which of a figure's panels its claims need, for a run over many pairs.

    Attributes:
        content_sets, style_sets: labels of the figure's.
        ratios, seeds, channels: some of the figure's.
        shares: in place of the figure's.
    """

    content_sets: tuple[str, ...] = ()
    style_sets: tuple[str, ...] = ()
    ratios: tuple[PositiveFloat, ...] = ()
    seeds: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    shares: tuple[Share, ...] = ()


class FigureConfig(Strict):
    """One figure of a paper.

    Attributes:
        order: of all figures, those with the smallest numbers are drawn first: the most asked for.
        source: where the figure stands: edition, number, page or address.
        preset: one of this paper's, or of another's.
        images: for each kind of inputs, what the figure calls a picture to its name.
        content_sets, style_sets: label to layers, in the order of the panels.
        shares: of the profile's evaluations, after which panels stop.
        fast: the fast networks of the package that draw panels; then ``preset`` is read with the
            network by whose losses the first was trained.  Evidence takes artworks that this knows.
        tv_weight: instead of the preset's.
        crop: left, top, right, bottom of the enlarged detail, as fractions of the picture,
            by kind of inputs.
        channels: indices of the channels that are looked at in each layer, from 0.
        folders: a folder inside ``REPLICATE_IMAGES`` whose pictures are looked through, by kind of
            inputs; where it is absent, the pictures of ``images``.
        kernel_spread: standard deviation of an untrained network's kernels.
        compares_layers: its panels differ in their layers, so that balanced weights (see
            :meth:`replicate.engine.reader.Reader.balanced`) make another figure of it.
        balanced: it is drawn with balanced weights in any case, because one ratio for all its
            panels would be another balance in each.
        claims: id to what is claimed; the figure's function measures it.
        evidence: the panels that the claims need.
    """

    order: int = 1000
    title: str
    source: str
    caption: str
    status: Literal["verified", "unverified"] = "verified"
    remark: str = ""
    preset: str
    images: dict[Inputs, dict[str, str]]
    content_sets: dict[str, list[str]] = Field(default_factory=dict)
    style_sets: dict[str, list[str]] = Field(default_factory=dict)
    ratios: list[PositiveFloat] = Field(default_factory=list)
    seeds: list[int] = Field(default_factory=list)
    shares: list[Share] = Field(default_factory=list)
    fast: list[str] = Field(default_factory=list)
    networks: list[NetworkName] = Field(default_factory=list)
    tv_weight: float | None = Field(default=None, ge=0)
    crop: dict[Inputs, tuple[float, float, float, float]] = Field(default_factory=dict)
    channels: list[int] = Field(default_factory=list)
    folders: dict[Inputs, str] = Field(default_factory=dict)
    kernel_spread: PositiveFloat | None = None
    compares_layers: bool = False
    balanced: bool = False
    claims: dict[str, Definition] = Field(default_factory=dict)
    evidence: Fewer = Fewer()

    @field_validator("crop")
    @classmethod
    def _inside(cls, crop: dict[Inputs, tuple[float, ...]]) -> dict[Inputs, tuple[float, ...]]:
        for left, top, right, bottom in crop.values():
            if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
                raise ValueError("a crop is left, top, right, bottom, each between 0 and 1")
        return crop


class PaperConfig(Strict):
    """One paper or experiment: presets and figures.

    Attributes:
        claims_committed: the day on which its claims were last fixed, before the run that judges
            them.
    """

    name: str
    title: str
    authors: str
    year: int
    source: str
    claims_committed: date | None = None
    presets: dict[str, Preset] = Field(default_factory=dict)
    figures: dict[str, FigureConfig] = Field(default_factory=dict)


def load_paper(name: str, folder: Path | None = None) -> PaperConfig:
    """The config ``paper_configs/<name>.toml``, read once unless a folder is given.

    Raises:
        ConfigError: no such file, not TOML, or something in it that is unknown or wrong.
    """
    path = (folder or configs_dir()) / f"{name}.toml"
    if not path.exists():
        known = paper_names(path.parent)
        raise ConfigError(f"There is no config '{name}'{nearest(name, known)}")
    return read_paper(path) if folder else _read_once(path)


@cache
def _read_once(path: Path) -> PaperConfig:
    return read_paper(path)


def read_paper(path: Path) -> PaperConfig:
    """Read and check one config file; see :func:`load_paper`."""
    data = read_toml(path)
    data.setdefault("name", path.stem)
    presets = data.get("presets")
    for name, preset in presets.items() if isinstance(presets, dict) else ():
        if isinstance(preset, dict):
            preset.setdefault("name", name)
            # By itself first: an unknown layer is no error of pydantic's, which know their place.
            validated(Preset, preset, path, ("presets", name))
    config = validated(PaperConfig, data, path)
    _check_references(config, path)
    return config


def paper_names(folder: Path | None = None) -> list[str]:
    """Names of the papers that have a config, sorted."""
    found = (path.stem for path in (folder or configs_dir()).glob("*.toml"))
    return sorted(name for name in found if name not in NOT_PAPERS)


@cache
def presets() -> dict[str, Preset]:
    """All presets of all papers by name, in the papers' order.

    Raises:
        ConfigError: as :func:`load_paper`; or a name is used twice.
    """
    found: dict[str, Preset] = {}
    for paper in paper_names():
        for name, preset in load_paper(paper).presets.items():
            if name in found:
                raise ConfigError(f"{paper}.toml: preset '{name}' is already in another file.")
            found[name] = preset
    return found


def load_preset(name: str) -> Preset:
    """The preset ``name``, from whichever paper has it.

    Raises:
        ConfigError: no such preset; the message names the nearest.
    """
    known = presets()
    if name not in known:
        raise ConfigError(f"There is no preset '{name}'{nearest(name, known)}")
    return known[name]


@cache
def profiles() -> dict[str, Profile]:
    """The profiles of profiles.toml."""
    path = configs_dir() / "profiles.toml"
    return {name: validated(Profile, data, path, (name,)) for name, data in read_toml(path).items()}


def load_profile(name: str) -> Profile:
    """The profile ``name``; ConfigError if there is none."""
    known = profiles()
    if name not in known:
        raise ConfigError(f"There is no profile '{name}'{nearest(name, known)}")
    return known[name]


def _check_references(config: PaperConfig, path: Path) -> None:
    for name, figure in config.figures.items():
        where = f"{path.name}: figures.{name}"
        preset = config.presets.get(figure.preset) or _preset_beside(path, figure.preset)
        if preset is None:
            known = [*config.presets, *_preset_tables_beside(path)]
            hint = nearest(figure.preset, known)
            raise ConfigError(f"{where}.preset: there is no preset '{figure.preset}'{hint}")
        for network in figure.fast:
            _checked(f"{where}.fast", shipped_file, network)
        architecture = preset.network.architecture
        for kind in ("content_sets", "style_sets"):
            for label, layers in getattr(figure, kind).items():
                _checked(f"{where}.{kind}.{label}", _check_layers, layers, architecture)
        for kind, images in figure.images.items():
            for other, theirs in figure.images.items():
                for role in theirs.keys() - images.keys():
                    raise ConfigError(
                        f"{where}.images.{kind}: lacks '{role}' of {other}{nearest(role, images)}"
                    )
            for role, image in images.items():
                _checked(f"{where}.images.{kind}.{role}", _check_image, image, kind)


def _preset_beside(path: Path, name: str) -> Preset | None:
    """Another paper's preset, for a figure that uses it."""
    file, table = _preset_tables_beside(path).get(name, (path, None))
    if not isinstance(table, dict):
        return None
    return validated(Preset, {"name": name, **table}, file, ("presets", name))


def _preset_tables_beside(path: Path) -> dict[str, tuple[Path, Any]]:
    """The presets of the other papers in the folder, unchecked: name to file and table."""
    found = {}
    for other in paper_names(path.parent):
        file = path.with_name(f"{other}.toml")
        tables = read_toml(file).get("presets") if file != path else None
        for name, table in tables.items() if isinstance(tables, dict) else ():
            found[name] = file, table
    return found


def _check_layers(layers: Iterable[str], architecture: str) -> None:
    for layer in layers:
        canonical_layer(layer, architecture)


def _check_image(name: str, inputs: Inputs) -> None:
    known = [each for names in bundled_names(installed=False).values() for each in names]
    if inputs == "paper":
        known += paper_image_keys()
    if name not in known:
        raise ConfigError(f"there is no picture '{name}'{nearest(name, known)}")


def _checked(where: str, check: Callable[..., Any], *arguments: Any) -> None:
    try:
        check(*arguments)
    except ReplicateError as error:
        raise ConfigError(f"{where}: {error}") from error
