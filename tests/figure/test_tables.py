"""Evidence as Parquet, for those who have no part of this program."""

from __future__ import annotations

import pytest
from test_verdicts import CLAIM, defined, rows

from replicate.figure import tables
from replicate.figure.verdicts import write_rows


def test_claims_and_rows_are_tables_with_a_card(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    found = rows()
    write_rows(found, tmp_path)
    asked = {CLAIM: defined(), "gatys2016/fig5/style": defined(ratio=(1, "a"), difference=None)}
    tables.write_tables(asked, found, tmp_path, pytest.fail)
    claims = parquet.read_table(tmp_path / "claims.parquet").to_pylist()
    assert [each["verdict"] for each in claims] == ["holds", "not judged"]
    assert (claims[0]["agreeing"], claims[0]["pairs"], claims[0]["of"]) == (16, 16, ["a", "b"])
    table = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert len(table) == 16
    assert table[0]["effect"] == pytest.approx(0.48)
    assert dict(zip(table[0]["labels"], table[0]["numbers"])) == pytest.approx(found[0].values)
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\nlicense: mit\n") and "1 claim judged: 1 holds" in card
    assert f"* {found[0].setting}: 1 claim\n" in card and "rest on\n16 to 16 pairs" in card


def test_without_pyarrow_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    told: list[str] = []
    tables.write_tables({CLAIM: defined()}, rows(), tmp_path, told.append)
    assert "pip install 'style-layers[evidence]'" in told[0]
    assert list(tmp_path.iterdir()) == []
