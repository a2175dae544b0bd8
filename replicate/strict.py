"""What is read from files: typed, checked, and refused in one sentence.

An unknown key, a wrong value or a name that nothing has is a :class:`ConfigError` that names the
file, the key and the nearest right word.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import ConfigError, ReplicateError
from .suggest import nearest


class Strict(BaseModel):
    """The base of everything that is read from a file: unknown keys are errors, values do not
    change.

    Attributes:
        other_keys: keys that are read beside the fields.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    other_keys: ClassVar[tuple[str, ...]] = ()


Model = TypeVar("Model", bound=Strict)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as mappings.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name} is not valid TOML: {error}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}.") from error


def validated(model: type[Model], data: Any, path: Path, at: tuple[str, ...] = ()) -> Model:
    """``data`` as a ``model``.

    Args:
        at: where in the file it stands.

    Raises:
        ConfigError: something in it is unknown, missing or wrong.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        errors = error.errors()
        # A misspelt key is also a missing one: the misspelling explains both.
        first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
        where = ".".join([*at, *(str(part) for part in first["loc"] if part != "[key]")])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message = "unknown key" + nearest(str(first["loc"][-1]), _keys_at(model, first["loc"]))
        raise ConfigError(f"{path.name}: {where}: {message}") from error
    except ReplicateError as error:
        raise ConfigError(f"{path.name}: {'.'.join(at)}: {error}") from error
    except OverflowError as error:
        raise ConfigError(f"{path.name}: {'.'.join(at)}: a number is too large") from error


def read_config(path: Path, model: type[Model]) -> Model:
    """Read and check a TOML file.

    Raises:
        ConfigError: as of :func:`read_toml` and :func:`validated`.
    """
    return validated(model, read_toml(path), path)


def reason(error: ValidationError) -> str:
    """What is wrong first, without pydantic's words around it."""
    return error.errors()[0]["msg"].removeprefix("Value error, ")


def _keys_at(model: type[Strict], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at this place in the file understands."""
    current: Any = model
    for part in location[:-1]:
        if part not in current.model_fields:
            continue  # a key of a mapping: its values are of the model found already
        annotation = current.model_fields[part].annotation
        inner = [annotation, *getattr(annotation, "__args__", ())]
        current = next((each for each in inner if hasattr(each, "model_fields")), current)
    return [*current.model_fields, *current.other_keys]
