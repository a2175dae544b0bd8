"""What to take home: a command line, a program and a link that draw the same picture."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from replicate.layer_list import format_layers

from .backend import Backend
from .links import to_query
from .settings import Settings


def lines(
    backend: Backend, settings: Settings, names: Mapping[str, str], own: Collection[str]
) -> dict[str, str]:
    """All three, and a note where the link does not hold everything.

    They name the network that draws here: where another one is, "auto" would draw another picture.

    Args:
        names: of the pictures by role.
        own: the roles in which a picture is the visitor's own.
    """
    given = [names.get(role, "") for role in ("content", "style", "second")]
    network = backend.drawn_by(settings.preset(), settings.network)
    known = {role: "none" if role in own else name for role, name in names.items()}
    return {
        "command": command_line(settings, *given, network=network),
        "python": python(settings, *given, network=network),
        "link": link(settings, known),
        "note": _without(own),
    }


def _without(own: Collection[str]) -> str:
    if not own:
        return ""
    if len(own) > 1:
        return "Your own pictures are not in the link: choose them again where it is opened."
    return f"Your own {min(own)} picture is not in the link: choose it again where it is opened."


def command_line(
    settings: Settings, content: str, style: str, second: str = "", network: str = ""
) -> str:
    """The ``replicate transfer`` that draws the same picture, with this or the chosen network."""
    changes = settings.changes()
    words = ["replicate", "transfer", _file(content or "photo.jpg"), _file(style or "art.jpg")]
    words += ["--preset", settings.base.name]
    words += ["--size", str(settings.size), "--evaluations", str(settings.evaluations)]
    words += ["--seed", str(settings.seed)]
    if "ratio" in changes:
        words += ["--ratio", f"{changes['ratio']:g}"]
    if settings.init != settings.base.init:
        words += ["--init", settings.init]
    if network or settings.network != "auto":
        words += ["--network", network or settings.network]
    for kind in ("content_layers", "style_layers"):
        if kind in changes:
            words += [f"--{kind.replace('_', '-')}", format_layers(changes[kind])]
    if settings.keep_colour:
        words += ["--keep-colour", settings.keep_colour]
    if settings.style_scale != 1:
        words += ["--style-scale", f"{settings.style_scale:g}"]
    if second:
        words += ["--blend", f"{_file(second)}={settings.second_weight:g}"]
    return shlex.join([*words, "-o", "out.png"])


def _file(name: str) -> str:
    """A file's name that no program takes for an option."""
    return f"./{name}" if name.startswith("-") else name


def python(
    settings: Settings, content: str, style: str, second: str = "", network: str = ""
) -> str:
    """A Python program that draws the same picture, with this or the chosen network."""
    changes = ", ".join(f"{name}={value!r}" for name, value in settings.changes().items())
    preset = f"load_preset({settings.base.name!r})" + (f".with_({changes})" if changes else "")
    chosen = network or ("" if settings.network == "auto" else settings.network)
    engine = f"network={chosen!r}" if chosen else ""
    more = f"\n    keep_colour={settings.keep_colour!r}," if settings.keep_colour else ""
    if settings.style_scale != 1:
        more += f"\n    style_scale={settings.style_scale!r},"
    if second:
        more += f"\n    blend=((find_image({second!r}), {settings.second_weight!r}),),"
    return f"""from replicate import Engine, Job, load_preset
from replicate.images import find_image

job = Job(
    {preset},
    content=find_image({content or "photo.jpg"!r}),
    style=find_image({style or "art.jpg"!r}),
    size={settings.size},
    evaluations={settings.evaluations},
    seed={settings.seed},
    init={settings.init!r},{more}
)
result = Engine({engine}).run(job)
result.picture.save("out.png")
"""


def link(settings: Settings, pictures: Mapping[str, str]) -> str:
    """The end of an address that opens the page with these settings."""
    return address(to_query(settings, pictures))


def address(query: Mapping[str, str]) -> str:
    """The end of an address, from a link's fields."""
    return "?" + urlencode(query, safe=",")
