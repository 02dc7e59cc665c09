"""A first look at a file: names of columns, and which of them hold numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

import emix
from emix.sources.glance import Glance, columns_in


def looked(folder: Path, text: str) -> list[tuple[str, bool]]:
    file = folder / "file.csv"
    file.write_text(text)
    return [(each.name, each.holds_numbers) for each in columns_in(file)]


def test_text_is_told_from_numbers_by_the_majority(tmp_path: Path) -> None:
    text = "a,b,c\n" + "1,x,2\n" * 5 + "oops,y,NA\n"
    assert looked(tmp_path, text) == [("a", True), ("b", False), ("c", True)]


def test_row_names_are_no_column(tmp_path: Path) -> None:
    assert looked(tmp_path, ",height\nanna,170\nbert,180\n") == [("height", True)]


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    assert looked(tmp_path, "1;2\n3;4\n") == [("x1", True), ("x2", True)]
    assert looked(tmp_path, "1 2\n3 4\n") == [("x1", True), ("x2", True)]


def test_ragged_rows_are_left_to_the_reader(tmp_path: Path) -> None:
    assert looked(tmp_path, "a,b\n1,2\n3\n") == [("a", True), ("b", False)]


def test_what_is_no_table_is_refused_with_its_place(tmp_path: Path) -> None:
    for text, place in (("", "file.csv:1:1"), ("a,b\n", "file.csv:1:1")):
        with pytest.raises(emix.DataError, match=place):
            looked(tmp_path, text)


def test_parquet_says_itself_what_its_columns_hold(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "table.parquet"
    parquet.write_table(arrow.table({"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1.5]}), file)
    assert columns_in(file) == (Glance("a", True), Glance("b", False), Glance("c", True))
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(emix.DataError, match="cannot be read as Parquet"):
        columns_in(file)


def test_a_glance_is_a_value() -> None:
    assert Glance("a", True) == Glance("a", True)
