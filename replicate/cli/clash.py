"""Another package that is imported by this one's name: that of a popular client is the same."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTION = "style-layers"
IMPORTED = __package__.partition(".")[0]


def others() -> str:
    """The other distributions that bring a package of this name, with versions; mostly none."""
    found = set(metadata.packages_distributions().get(IMPORTED, ())) - {DISTRIBUTION}
    return ", ".join(f"{name} {metadata.version(name)}" for name in sorted(found))


def sentence(others: str) -> str:
    """What is wrong then, and what to do."""
    return (
        f"{others} is imported by the name of this package, and what was installed last hides or "
        "has overwritten the other: give each an environment of its own, or uninstall both and "
        "install this one again."
    )
