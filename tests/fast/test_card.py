"""The card and the networks that the package carries."""

from benchmarks.compact_report import fill
from benchmarks.fast import CARD, networks_text
from replicate.fast.shipped import FOLDER


def test_the_card_is_of_the_files_that_the_package_carries():
    assert fill(CARD.read_text(), {"networks": networks_text()}) == CARD.read_text()
    sizes = {path.stem: path.stat().st_size for path in FOLDER.glob("*.safetensors")}
    assert sizes["mixer"] <= 6_000_000
    assert all(size <= 4_000_000 for name, size in sizes.items() if name != "mixer")
