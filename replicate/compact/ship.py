"""Put a trained file into the package, where the engine finds it.

    python -m replicate.compact.ship compact-run/vgg19-compact.safetensors

The file is checked, its mean activations are replaced by those that the package carries for the
teacher, and its checksum is written into the table of networks.  So the normalised compact
network is divided by exactly what the normalised VGG-19 is divided by; the means in a file fresh
from training are over the training pictures, whose colours and textures are others.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import safetensors.torch
from torch import Tensor

from replicate.compact.export import header, read_making
from replicate.errors import ReplicateError
from replicate.networks.means import packaged_means
from replicate.networks.stored import MEANS_PREFIX, read_compact
from replicate.networks.table import TABLE
from replicate.storage.files import write_atomic

PACKAGE = Path(__file__).parent
NAME = "vgg19-compact.safetensors"
MOST_BYTES = 12_000_000
DEFAULT_TEACHER = "vgg19-caffe"
"""Of files whose header does not name theirs."""


def ship(file: Path, package: Path = PACKAGE, table: Path = TABLE) -> Path:
    """Copy a trained file into ``package`` and write its checksum into ``table``.

    Returns:
        The new path.

    Raises:
        ReplicateError: the file is damaged, incomplete, or larger than 12 MB.
    """
    read_compact(file)
    making = read_making(file)
    tensors = safetensors.torch.load_file(file)
    tensors.update(_means(making.get("teacher", DEFAULT_TEACHER)))
    data = safetensors.torch.save(tensors, header(making))
    if len(data) > MOST_BYTES:
        raise ReplicateError(
            f"'{file}' has {len(data) / 1e6:.1f} MB; the package takes at most "
            f"{MOST_BYTES / 1e6:.0f} MB."
        )
    write_checksum(table, hashlib.sha256(data).hexdigest())
    return write_atomic(package / NAME, data)


def _means(teacher: str) -> dict[str, Tensor]:
    """The package's means of the teacher, as the file calls them; empty for another network."""
    return {
        prefix + layer: mean.float()
        for pooling, prefix in MEANS_PREFIX.items()
        for layer, mean in packaged_means(teacher, pooling).items()
    }


def write_checksum(table: Path, sha256: str) -> None:
    """Set the compact network's ``sha256`` in the text of the table of networks."""
    row = r'(^\[networks\.vgg19-compact\]\n(?:[^\[\n].*\n)*?sha256 = )".*"$'
    text, count = re.subn(row, rf'\g<1>"{sha256}"', table.read_text("utf-8"), flags=re.M)
    if count != 1:
        raise ReplicateError(f"'{table}' does not set vgg19-compact's sha256.")
    write_atomic(table, text.encode())


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m replicate.compact.ship FILE")
    try:
        print(ship(Path(arguments[0])))
    except ReplicateError as error:
        sys.exit(f"ship: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
