"""Files, folders and patterns: what they mean, in which order they are read, what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emix
from emix import DataError, ParameterError
from emix.errors import MissingExtraError
from emix.sources import arrow, opening, textfiles
from emix.sources.array import ArraySource
from emix.sources.files import File, files_of, open_files
from emix.sources.opening import open_rows, open_source
from emix.sources.parquet import ParquetFiles
from emix.sources.streamed import Streamed

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def rows(source: Any) -> np.ndarray:
    block = source.whole(10_000)
    return block.points.tolist()


# --- which files


def test_a_folder_is_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/2.csv", "b/1.csv", "a.csv", "c.TSV", "_x.csv", ".y.csv", ".git/z.csv", "n.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("u\n1\n")
    found = [Path(file.path).relative_to(tmp_path).as_posix() for file in files_of(tmp_path)[1]]
    assert found == ["a.csv", "b/1.csv", "b/2.csv", "c.TSV"]
    assert [Path(f.path).name for f in files_of(str(tmp_path / "*.csv"))[1]] == ["_x.csv", "a.csv"]
    assert len(files_of(str(tmp_path / "**/*.csv"))[1]) == 4
    assert files_of([tmp_path / "c.TSV", tmp_path / "a.csv"])[1][0].path.endswith("c.TSV")


@pytest.mark.parametrize(("what", "said"), [
    ("none/*.csv", "no file matches"), ("empty", "the folder holds no"),
    ("none.parquet", "does not exist"), ("mixed", "Parquet beside other files"),
])
def test_nothing_to_read(what: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "mixed/a.parquet", {"a": [1.0]})
    (tmp_path / "mixed/b.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=said):
        emix.fit(tmp_path / what, 2)


def test_numbers_that_folders_name_are_columns_where_they_are_chosen(tmp_path: Path) -> None:
    for year in (2025, 2026):
        write(tmp_path / f"h/year={year}/part=-1.5/site=x/0.parquet", {"a": [1.0, 2.0]})
    assert open_files(tmp_path / "h").column_names == ("a",)
    found = open_files(str(tmp_path / "h/*/*"), columns=["year", "a", "part"])
    assert rows(found) == [[2025, 1, -1.5], [2025, 2, -1.5], [2026, 1, -1.5], [2026, 2, -1.5]]
    assert File("year=1/a.csv").shared == ()
    weighted = open_files(tmp_path / "h", "year").whole(9)
    assert weighted is not None and weighted.sample_weight.tolist() == [2025, 2025, 2026, 2026]


# --- Parquet


def test_kinds_of_numbers(tmp_path: Path) -> None:
    columns = {
        "half": pyarrow.array(np.float16([1.5, 2.5])), "single": np.float32([0.1, 0.2]),
        "whole": [2**53, -1], "small": np.uint8([1, 255]), "bool": [True, False],
        "decimal": [Decimal("1.00"), Decimal("2.00")],
        "dictionary": pyarrow.array([7.0, 8.0]).dictionary_encode(),
    }
    found = open_files(write(tmp_path / "a.parquet", columns))
    wanted = [[1.5, np.float32(0.1), 2**53, 1, 1, 1, 7], [2.5, np.float32(0.2), -1, 255, 0, 2, 8]]
    assert found.dtype == np.float64 and rows(found) == wanted
    single = open_files(tmp_path / "a.parquet", columns="single")
    assert single.dtype == np.float32
    write(tmp_path / "b.parquet", {"single": [0.1]})
    both = open_files([tmp_path / "a.parquet", tmp_path / "b.parquet"], columns=["single"])
    assert both.dtype == np.float64
    assert rows(both) == [[np.float32(0.1)], [np.float32(0.2)], [0.1]]


def test_only_chosen_columns_are_read_each_once(tmp_path: Path, monkeypatch: Any) -> None:
    path = write(tmp_path / "a.parquet", {"t": ["x"] * 90, "a": np.arange(90.0), "b": [0.0] * 90},
                 row_group_size=20)
    read = []
    whole = parquet.ParquetFile.iter_batches

    def seen(self: Any, size: int, groups: list[int], columns: list[str], **options: Any) -> Any:
        read.append((groups, columns))
        return whole(self, size, groups, columns, **options)

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", seen)
    source = open_files(path, columns="a", threads=8)
    assert source.n_rows == 90 and not read
    assert rows(source) == np.arange(90.0)[:, None].tolist()
    assert sorted(read) == [([group], ["a"]) for group in range(5)]


def test_large_row_groups_are_read_batch_by_batch(tmp_path: Path, monkeypatch: Any) -> None:
    from emix.sources import parquet as module

    monkeypatch.setattr(module, "AT_ONCE", 1)
    monkeypatch.setattr(module, "BATCH_ROWS", 7)
    path = write(tmp_path / "a.parquet", {"a": np.arange(90.0)}, row_group_size=40)
    for threads in (1, 4):
        source = ParquetFiles([File(str(path))], "x", threads=threads)
        assert rows(source) == np.arange(90.0)[:, None].tolist()


@pytest.mark.parametrize(("columns", "said"), [
    ({"a": [1.0], "t": ["x"]}, r"hold no numbers: 't' \(string\); choose among .*: 'a'"),
    ({"b": [1.0]}, "no column 'a'"), ({"a": ["x"]}, "hold no numbers: 'a'"),
])
def test_files_without_the_columns(columns: Any, said: str, tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", {"a": [1.0, 2.0]})
    if "t" in columns:
        write(tmp_path / "1.parquet", columns)
    else:
        write(tmp_path / "2.parquet", columns)
    with pytest.raises(DataError, match=said) as error:
        open_files(tmp_path)
    assert ".parquet" in str(error.value)


def test_missing_values_are_named_with_file_row_group_and_row(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", {"a": [1.0] * 50})
    write(tmp_path / "2.parquet", {"a": [1.0] * 47 + [None, 2.0]}, row_group_size=20)
    for x in (tmp_path, str(tmp_path / "*.parquet")):
        with pytest.raises(DataError, match=r"2.parquet, row group 2, row 47, column 'a'"):
            emix.fit(x, 2)


def test_what_is_no_parquet_and_what_breaks_off(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"a.parquet: cannot be read as Parquet"):
        emix.fit(tmp_path / "a.parquet", 2)
    path = write(tmp_path / "b.parquet", {"a": np.random.default_rng(0).normal(size=5000)},
                 row_group_size=1000, compression="zstd")
    content = bytearray(path.read_bytes())
    source = open_files(path)
    content[5000:5100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"b.parquet, row group \d: cannot be read"):
        source.whole(10_000)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    write(tmp_path / "a.parquet", {"a": [1.0]})
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"reading Parquet needs pyarrow.*emix\[arrow\]"):
        emix.fit(tmp_path / "a.parquet", 2)
    assert arrow.__name__ not in ("", None)


# --- text


def text(folder: Path, *files: str) -> Path:
    for number, content in enumerate(files):
        (folder / f"{number}.csv").write_text(content)
    return folder


def test_delimiters_headers_and_names_are_those_of_the_strict_reader(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('"u, v"\tw\n1\t2\n')
    assert open_files(tmp_path / "a.tsv").column_names == ("u, v", "w")
    (tmp_path / "b.csv").write_text("1;2\n3;4.5\n")
    assert rows(open_files(tmp_path / "b.csv", columns=["x2"])) == [[2.0], [4.5]]
    (tmp_path / "c.csv").write_text(",w,u\nr1,1,2\nr2,3,4\n")
    assert rows(open_files(tmp_path / "c.csv")) == [[1, 2], [3, 4]]
    weighted = open_files(tmp_path / "c.csv", "w", "u").whole(9)
    assert weighted is not None and weighted.sample_weight.tolist() == [1.0, 3.0]


def test_numbers_are_read_to_the_bit(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(500, 2)) * 10.0 ** np.arange(-250, 250)[:, None]
    lines = [f"{a!r},{b!r}" for a, b in x.tolist()]
    found = open_files(text(tmp_path, "a,b\n" + "\n".join(lines) + "\n")).whole(1000)
    assert found is not None and np.array_equal(found.points, x)


@pytest.mark.parametrize(("bad", "said"), [
    ("3,abc", r"1\.csv.*Row #502.*'abc'"), ("3", r"1\.csv.*Row #502.*Expected 2 columns, got 1"),
    ("3,", r"1\.csv, row 500, column 'v'"), ("3,NA", r"1\.csv, row 500, column 'v'"),
    ("3,inf", "inf at .*1.csv, row 500, column 'v'"),
])
def test_what_is_no_number_is_named_with_its_file_and_row(
    bad: str, said: str, tmp_path: Path
) -> None:
    good = "u,v\n" + "1,2\n3,4.5\n" * 250
    folder = text(tmp_path, good, good + bad + "\n" + "1,2\n")
    with pytest.raises(DataError, match=said):
        emix.fit(open_files(folder), 2)
    # Of the other column nothing is wrong, where there are as many cells.
    if "," in bad:
        assert emix.fit(folder, 1, columns="u").n == 1002


def test_files_of_other_columns(tmp_path: Path) -> None:
    folder = text(tmp_path, "u,v\n1,2\n", "v,u\n1,2\n")
    with pytest.raises(DataError, match=r"1.csv has the columns v, u; expected those of .*0.csv"):
        open_files(folder)
    assert rows(open_files(folder, columns="v")) == [[2.0], [1.0]]


def test_a_file_longer_than_its_head(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(textfiles, "HEAD", 100)
    monkeypatch.setattr(textfiles, "BLOCK_BYTES", 1000)
    x = np.random.default_rng(0).normal(size=2000)
    folder = text(tmp_path, "u\n" + "\n".join(map(repr, x.tolist())))
    source = open_files(folder)
    assert source.n_rows == 2000 and np.array_equal(source.whole(5000).points[:, 0], x)


def test_blanks_cannot_be_read_in_bulk(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1  2\n3  4\n")
    with pytest.raises(DataError, match="runs of blanks are read in memory only"):
        open_files(tmp_path / "a.txt")
    assert open_source(tmp_path / "a.txt")[0].n_rows == 2


# --- in memory or not


def test_what_is_little_is_held_in_memory(tmp_path: Path, monkeypatch: Any) -> None:
    x = np.random.default_rng(0).normal(size=(300, 2))
    path = write(tmp_path / "a.parquet", {"a": x[:, 0], "b": x[:, 1]})
    assert isinstance(open_rows(path)[0], ArraySource)
    assert np.array_equal(open_source(path)[0].points, x)
    monkeypatch.setattr(opening, "IN_MEMORY", 300 * 16 - 1)
    assert isinstance(open_rows(path)[0], Streamed)
    with pytest.raises(DataError, match="300 rows of 2 columns, more than the"):
        open_source(path)
    (tmp_path / "b.csv").write_text("u\n1\n2\n")
    assert isinstance(open_rows(tmp_path / "b.csv")[0], ArraySource)
    monkeypatch.setattr(opening, "STRICT", 1)
    monkeypatch.setattr(opening, "IN_MEMORY", 0)
    assert isinstance(open_rows(tmp_path / "b.csv")[0], Streamed)


@pytest.mark.parametrize("arguments", [
    {"columns": [0]}, {"sample_weight": np.ones(2)}, {"columns": ["a"], "sample_weight": "a"},
])
def test_choices_without_meaning(arguments: Any, tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"a": [1.0, 2.0]})
    with pytest.raises(ParameterError):
        emix.fit(tmp_path / "a.parquet", 2, **arguments)


def test_a_list_of_words_is_no_list_of_paths() -> None:
    with pytest.raises(DataError, match="dtype"):
        emix.fit(["a", "b"], 2)
