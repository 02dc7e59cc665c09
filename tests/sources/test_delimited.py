"""Delimited text is read to the bit, or refused with the place and the reason."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from emix.errors import DataError, ParameterError
from emix.sources import delimited
from emix.sources.cells import kind, numbers
from emix.sources.delimited import Table, read_delimited

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "heights.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


def read(text: str | bytes, **options: Any) -> Table:
    stream = io.BytesIO(text) if isinstance(text, bytes) else io.StringIO(text, newline="")
    return read_delimited(stream, **options)


def rows(text: str | bytes, **options: Any) -> list[list[float]]:
    return read(text, **options).data.tolist()


def refusal(text: str | bytes, **options: Any) -> str:
    with pytest.raises(DataError) as got:
        read(text, **options)
    return str(got.value)


# --- what comes back


def test_table_is_a_frozen_value_with_a_read_only_c_ordered_array(write: Write) -> None:
    path = write("a,b,c\n1,2,3\n4,5,6\n")
    table = read_delimited(path, columns=["c", "a"])
    assert table.columns == ("c", "a")
    assert table.data.tolist() == [[3.0, 1.0], [6.0, 4.0]]
    assert table.data.dtype == np.float64
    assert table.data.flags.c_contiguous
    assert not table.data.flags.writeable
    assert table.name == str(path)
    with pytest.raises(AttributeError):
        table.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("as_path", [str, Path])
def test_paths_may_be_text_or_path(write: Write, as_path: type) -> None:
    assert read_delimited(as_path(write("x\n3\n4.5\n"))).data.tolist() == [[3.0], [4.5]]


def test_streams_of_text_and_bytes_and_their_names(write: Write) -> None:
    assert read("x\n3\n").name == read(b"x\n3\n").name == "stream"
    with open(write("x\n3\n"), encoding="utf-8") as file:
        assert read_delimited(file).name == file.name


@pytest.mark.parametrize("name", ["<stdin>", 0])
def test_standard_input_is_called_that(name: object) -> None:
    stream = io.BytesIO(b"x\n3\ny\n")
    stream.name = name  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=r"^standard input:3:1: column 'x': 'y' is not a number"):
        read_delimited(stream)


# --- header and names


@pytest.mark.parametrize(
    ("text", "columns", "data"),
    [
        ("x\n3\n", ("x",), [[3.0]]),
        ("3\n4\n", ("x",), [[3.0], [4.0]]),
        ("3,4\n", ("x1", "x2"), [[3.0, 4.0]]),
        ("1990,height\n3,4\n", ("1990", "height"), [[3.0, 4.0]]),
        ('" height  in\n cm ",b\n3,4\n', ("height in cm", "b"), [[3.0, 4.0]]),
        ('"a,b","c ""d"""\n3,4\n', ("a,b", 'c "d"'), [[3.0, 4.0]]),
        ("Na,Mg\n3,4\n", ("Na", "Mg"), [[3.0, 4.0]]),
        ("Na\n3\n", ("Na",), [[3.0]]),
        ("größe,μ\n3,4\n", ("größe", "μ"), [[3.0, 4.0]]),
        ("a,,c\n3,4,5\n", ("a", "column 2", "c"), [[3.0, 4.0, 5.0]]),
    ],
)
def test_header_is_told_from_data(
    text: str, columns: tuple[str, ...], data: list[list[float]]
) -> None:
    table = read(text)
    assert table.columns == columns
    assert table.data.tolist() == data


@pytest.mark.parametrize("first", ["NA", "nan", "inf", "", "1_000", "0x1F", '"3,5"', "1e999"])
def test_a_damaged_first_row_of_numbers_is_not_taken_for_a_header(first: str) -> None:
    assert refusal(f"{first},2\n3,4\n").startswith("stream:1:1: column 'x1': ")


def test_header_and_no_rows() -> None:
    assert refusal("a,b\n") == (
        "stream:1:1: the file has a header and no rows; expected rows of numbers"
    )


@pytest.mark.parametrize("text", ["", "\n", " \n\t\r\n", "\ufeff", "\ufeff\n"])
def test_empty_file(text: str) -> None:
    assert refusal(text) == "stream:1:1: the file is empty; expected rows of numbers"
    assert refusal(text.encode("utf-8")).startswith("stream:1:1: the file is empty")


# --- row names, as R and pandas write them


@pytest.mark.parametrize(
    "text",
    [
        '"a" "b"\n"1" 3 4\n"2" 5 6\n',  # R: write.table
        "a b\n1 3 4\n2 5 6\n",
        '"a","b"\n"Mazda RX4",3,4\n"Datsun",5,6\n',
        '"","a","b"\n"1",3,4\n"2",5,6\n',  # R: write.csv
        ",a,b\n0,3,4\n1,5,6\n",  # pandas: to_csv
        "\ta\tb\nfirst\t3\t4\nsecond\t5\t6\n",
    ],
)
def test_row_names_are_left_out(text: str) -> None:
    table = read(text)
    assert table.columns == ("a", "b")
    assert table.data.tolist() == [[3.0, 4.0], [5.0, 6.0]]
    assert read(text, columns=["b"]).data.tolist() == [[4.0], [6.0]]
    # A position counts the cells of a row, the row name among them.
    assert read(text, columns=["3"]).columns == ("b",)


@pytest.mark.parametrize("text", [",a\n5,3\n7,4\n", ",a\n0,3\n2,4\n", "a,b\n1,5,2\n3,1,4\n"])
def test_numbers_that_do_not_count_the_rows_are_no_row_names(text: str) -> None:
    message = refusal(text)
    assert message.startswith("stream:1:1: the header leaves the first column unnamed")
    assert "decimal comma" in message


def test_an_unnamed_first_column_does_no_harm_when_columns_are_chosen() -> None:
    assert rows(",a\n5,3\n7,4\n", columns="a") == [[3.0], [4.0]]
    assert read(",a\n5,3\n7,4\n", columns="1").columns == ("column 1",)


def test_a_longer_row_that_has_no_row_name_is_ragged() -> None:
    assert refusal("a,b\n0.5,2,3\n4,5\n").startswith("stream:2:3: expected 2 cells, found 3;")


# --- delimiters


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n3,4\n",
        "a\tb\n3\t4\n",
        "a;b\n3;4\n",
        "a b\n3 4\n",
        "  a   b  \n 3\t 4\t\n",
        '"a" b\n"3" 4\n',
        "a,b\n 3 , 4\t\n",
        'a,b\n "3" ,"4" \n',
        '"a",b\r\n"3"  ,4\r\n',
        "a,b\r3,4\r",
        "a,b\n3,4\n\n\r\n \t \n",
        "a,b\n3,4",
        "\ufeffa,b\n3,4\n",
        "a,b\n\u00a03\u00a0,4\n",
    ],
)
def test_the_same_table_in_many_spellings(text: str) -> None:
    for table in (read(text), read(text.encode("utf-8"))):
        assert table.columns == ("a", "b")
        assert table.data.tolist() == [[3.0, 4.0]]


def test_tsv_means_tabs_and_the_first_line_decides_otherwise(write: Write) -> None:
    assert read_delimited(write("a,b\tc\n3\t4\n", "t.TSV")).columns == ("a,b", "c")
    assert read("a;b,c\n3,4\n").columns == ("a;b", "c")
    assert read("a;b,c\n3;4\n").columns == ("a", "b,c")
    assert read("a\tb;c\n3\t4\n").columns == ("a", "b;c")
    assert read('"a;b",c\n3,4\n').columns == ("a;b", "c")
    assert read("a|b\n3|4\n", delimiter="|").columns == ("a", "b")
    assert read("a|b\n3\n").columns == ("a|b",)


@pytest.mark.parametrize("text", ["height in cm\n3\n4\n", "height\n3\n4\n", " 3\n 4\n"])
def test_one_column_has_no_delimiter(text: str) -> None:
    assert rows(text) == [[3.0], [4.0]]


def test_decimal_commas_in_one_column_are_not_split() -> None:
    assert refusal("height\n1,5\n2,7\n").startswith(
        "stream:2:1: column 'height': '1,5' has a comma"
    )


def test_one_row_between_blanks() -> None:
    assert rows("3 4 5\n") == [[3.0, 4.0, 5.0]]


def test_wide_runs_of_blanks_and_quotes_between_them() -> None:
    assert read('a  "b  c"\n1\t \t2\n').columns == ("a", "b c")
    assert rows("a b\n1  2\n3  4\n", delimiter=" ") == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("delimiter", ["", ",,", "a", "1", '"', "\n", ".", "-", "\0"])
def test_what_cannot_be_a_delimiter(delimiter: str) -> None:
    with pytest.raises(ParameterError, match=r"delimiter is .*; expected one character"):
        read("3,4\n", delimiter=delimiter)


# --- choosing columns

IRIS = "length,width,species\n5.1,3.5,setosa\n4.9,NA,setosa\n"


def test_columns_by_name_and_by_position() -> None:
    assert rows(IRIS, columns=["length"]) == rows(IRIS, columns="length") == [[5.1], [4.9]]
    assert read(IRIS, columns=["1"]).columns == ("length",)
    assert read("2,b\n3,4\n", columns="2").data.tolist() == [[3.0]], "a name comes first"
    assert rows("3,4\n5,6\n", columns=["2", "1"]) == [[4.0, 3.0], [6.0, 5.0]]
    assert rows("3,4\n5,6\n", columns=["x2"]) == [[4.0], [6.0]]
    assert rows("a b,c\n3,4\n", columns=[" a  b "]) == [[3.0]]


def test_all_columns_must_be_numeric_when_none_is_chosen() -> None:
    assert refusal(IRIS).startswith("stream:2:3: column 'species': 'setosa' is not a number")


def test_a_column_of_text_is_refused_with_the_columns_of_numbers() -> None:
    assert refusal("place,a,b\nhere,1,2\nthere,3,4\n").endswith(
        "leave the column out (choose among the columns that hold numbers: 'a', 'b')"
    )
    # One slip in a column of numbers is a slip, and columns that were chosen are meant.
    assert "choose among" not in refusal("a,b\n1,2\n2,3\n3,four\n4,5\n")
    assert "choose among" not in refusal(IRIS, columns=["length", "species"])
    assert "choose among" not in refusal("a,b\nx,y\nz,u\n")
    # What is wrong further down does not hide what is wrong first.
    for below in ("1,b,2,3\n", '1,b,"2"2\n', "\n"):
        assert refusal(f"u,v,w\n1,a,2\n{below}1,c,3\n").startswith("stream:2:2: column 'v': 'a'")
    wide = ",".join(f"c{j}" for j in range(5000)) + "\n" + ",".join(["1"] * 4999 + ["t"]) + "\n"
    began = time.monotonic()
    assert "'c19' and 4979 more" in refusal(wide + wide.split("\n")[1])
    assert time.monotonic() - began < 2


def test_weights_are_one_column_more() -> None:
    text = "a,w,b,t\n1,2,3,x\n4,5,6,y\n"
    table = read(text, columns=["b", "a"], weight="w")
    assert table.columns == ("b", "a") and table.weight is not None
    assert table.data.tolist() == [[3.0, 1.0], [6.0, 4.0]]
    assert table.weight.tolist() == [2.0, 5.0]
    for array in (table.data, table.weight):
        assert array.flags.c_contiguous and not array.flags.writeable
    numbers_only = "a,w,b\n1,2,3\n4,5,6\n"
    for weight in ("w", "2", " w "):
        table = read(numbers_only, weight=weight)
        assert table.columns == ("a", "b") and table.weight is not None
        assert table.data.tolist() == [[1.0, 3.0], [4.0, 6.0]]
        assert table.weight.tolist() == [2.0, 5.0]
    assert read(numbers_only).weight is None
    # Row names are left out beside weights too.
    named = read(",a,w\nu,1,2\nv,3,4\n", weight="w")
    assert named.columns == ("a",) and named.data.tolist() == [[1.0], [3.0]]


def test_weights_that_cannot_be() -> None:
    assert "no column 'v'" in refusal("a,w\n1,2\n", weight="v")
    assert "selected twice" in refusal("a,w\n1,2\n", columns=["a", "w"], weight="w")
    assert refusal("a,w\n1,x\n", columns="a", weight="w").startswith("stream:2:2: column 'w': 'x'")
    with pytest.raises(ParameterError, match="only column, 'w', holds the weights"):
        read("w\n1\n", weight="w")


def test_unknown_column_lists_the_columns_and_near_misses() -> None:
    assert refusal(IRIS, columns="lenght") == (
        "stream: no column 'lenght'; did you mean 'length'?; "
        "the columns are 'length', 'width', 'species'"
    )
    assert "did you mean" not in refusal(IRIS, columns="zzz")
    assert refusal(IRIS, columns="0").startswith("stream: no column '0'")
    assert refusal(IRIS, columns="4").startswith("stream: no column '4'")
    assert refusal(IRIS, columns="9" * 5000).startswith("stream: no column '999")
    assert refusal(IRIS, columns="²").startswith("stream: no column '²'")
    wide = ",".join(f"c{j}" for j in range(2000)) + "\n" + ",".join(["1"] * 2000)
    message = refusal(wide, columns="d")
    assert message.endswith("'c19' and 1980 more")


def test_no_column_chosen() -> None:
    assert "no column is selected" in refusal(IRIS, columns=[])


def test_duplicate_names_matter_only_when_chosen() -> None:
    text = "a,b,a\n1,2,3\n"
    assert refusal(text).startswith("stream:1:3: column 'a' is selected twice, as cells 1 and 3")
    assert refusal(text, columns="a").startswith("stream:1:3: 2 columns are named 'a', cells 1, 3")
    assert rows(text, columns="b") == [[2.0]]
    assert rows(text, columns=["3"]) == [[3.0]]
    assert "selected twice" in refusal(text, columns=["b", "b"])


def test_a_row_of_data_taken_for_a_header_is_not_lost_silently() -> None:
    message = refusal("5.1,setosa\n4.9,setosa\n", columns="1")
    assert message.startswith("stream:1:1: the first row counts as a header")
    assert rows("5.1,setosa\n4.9,setosa\n", columns="5.1") == [[4.9]]


# --- cells that are refused


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("abc", "'abc' is not a number"),
        ("", "an empty cell is a missing value, and missing values are not supported yet"),
        ("   ", "an empty cell is a missing value"),
        ("NA", "'NA' is a missing value"),
        ("nan", "'nan' is a missing value"),
        ("NaN", "'NaN' is a missing value"),
        ("?", "'?' is a missing value"),
        ("inf", "'inf' is not a finite number"),
        ("-Infinity", "'-Infinity' is not a finite number"),
        ("1e999", "'1e999' is not a finite number"),
        ("-nan", "'-nan' is not a finite number"),
        ("3,5", "'3,5' has a comma inside the number; write the decimals after a point"),
        ("-3,5e2", "'-3,5e2' has a comma inside the number"),
        ("1,234,567.8", "'1,234,567.8' has a comma inside the number"),
        ("1_000", "'1_000' has an underscore inside the number"),
        ("0x1F", "'0x1F' is a hexadecimal number"),
        ("٣", "'٣' is not a number"),
        ("\uff13.\uff15", "is not a number"),
        ("1d5", "'1d5' is not a number"),
        ("3.5%", "'3.5%' is not a number"),
        ("--3", "'--3' is not a number"),
        ("1 2", "'1 2' is not a number"),
        ("\x1c3", "is not a number"),
        ("y" * 41, f"'{'y' * 40}…' is not a number"),
    ],
)
def test_refused_cells_name_file_line_column_and_why(write: Write, cell: str, words: str) -> None:
    path = write(f"weight;waiting\r\n1;2\r\n3;{cell}\r\n4;5\r\n")
    with pytest.raises(DataError) as got:
        read_delimited(path)
    message = str(got.value)
    assert message.startswith(f"{path}:3:2: column 'waiting': ")
    assert words in message
    assert "; " in message, "it also says what to try"
    # In a column that is not chosen the same cell is nobody's business.
    assert read_delimited(path, columns="weight").data.tolist() == [[1.0], [3.0], [4.0]]


@pytest.mark.parametrize("cell", ["3.5", " 3.5 ", '"3.5"', "+3.5", "35e-1", "3.5E0", "03.50"])
def test_accepted_cells(cell: str) -> None:
    assert rows(f"a,b\n{cell},1\n") == [[3.5, 1.0]]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.0", -0.0),
        ("4.9e-324", 5e-324),
        ("1e-999", 0.0),
        ("1.7976931348623157e308", sys.float_info.max),
        ("0.1000000000000000055511151231257827", 0.1),
        ("9007199254740993", 9007199254740992.0),
        ("2.2250738585072011e-308", float("2.2250738585072011e-308")),
    ],
)
def test_numbers_are_read_as_python_reads_them(cell: str, value: float) -> None:
    got = read(f"x\n{cell}\n").data[0, 0]
    assert got.tobytes() == np.float64(value).tobytes()


def test_the_first_wrong_place_is_named_wherever_it_is() -> None:
    body = ["1,2"] * 50_000
    body[43_210] = "1,zwei"
    body[43_999] = "1"
    assert refusal("\n".join(body)).startswith("stream:43211:2: column 'x2': 'zwei'")


def test_lines_count_as_in_an_editor() -> None:
    text = '"a\nb\r\nc",d\r1,2\n\x0b3,4\u2028\r\n5,x\n'
    assert refusal(text).startswith("stream:6:2: column 'd': 'x'")


# --- rows and quotes that are refused


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ("a,b,c\n1,2,3\n4,5\n", "3:3", "expected 3 cells, found 2"),
        ("a,b,c\n1,2,3\n4\n", "3:2", "expected 3 cells, found 1"),
        ("a,b\n1,2\n3,4,5\n", "3:3", "expected 2 cells, found 3"),
        ("1,2\n3,4\n5,6,\n", "3:3", "expected 2 cells, found 3"),
        ("a,b,c,d\n1,2\n", "2:3", "expected 4 cells, found 2"),
    ],
)
def test_ragged_rows(text: str, place: str, found: str) -> None:
    assert refusal(text).startswith(f"stream:{place}: {found}; ")
    # A row of the wrong length is wrong whichever columns are chosen.
    assert refusal(text, columns="1").startswith(f"stream:{place}: {found}; ")


@pytest.mark.parametrize("text", ["3\n\n4\n", "3,4\n\n5,6\n", "3\n  \n4\n", "a,b\n\t\n3,4\n"])
def test_blank_lines_between_rows(text: str) -> None:
    assert refusal(text).startswith("stream:2:1: the line is blank")


def test_an_empty_cell_at_the_end_of_the_last_row_is_not_a_blank_end() -> None:
    assert refusal("a\tb\n1\t2\n3\t\n").startswith("stream:3:2: column 'b': an empty cell")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('a,b\n1,"2\n3,4\n', "2:2", "a quote is opened here and never closed"),
        ('a,b\n"1"5,2\n', "2:1", "text follows the closing quote of a cell"),
        ('a,b,c\n1,"2","3"x\n', "2:3", "text follows the closing quote of a cell"),
        ('"a,b\n1,2\n', "1:1", "a quote is opened here and never closed"),
        ('a,b\n1,"' + "2\n" * 100_000, "2:2", "more than 131072 characters"),
    ],
)
def test_misplaced_quotes(text: str, place: str, words: str) -> None:
    message = refusal(text, delimiter=",")
    assert message.startswith(f"stream:{place}: ")
    assert words in message


def test_a_cell_beyond_the_limit_of_the_csv_module_is_refused() -> None:
    limit = csv.field_size_limit()
    assert rows("x\n" + "0" * (limit - 1) + "7\n") == [[7.0]]
    assert "more than" in refusal("x\n" + "0" * (limit + 1) + "7\n")
    assert csv.field_size_limit() == limit


# --- bytes that are not UTF-8 text


def test_latin_1_is_refused_with_the_byte(write: Write) -> None:
    path = write(b"name,x\r\nAna,1\r\nJos\xe9,2\r\n")
    with pytest.raises(DataError) as got:
        read_delimited(path, columns="x")
    assert str(got.value) == (
        f"{path}:3:4: byte 0xe9, at offset 18 of the file, is not UTF-8; "
        "re-save the file as UTF-8 (it may be Latin-1 or Windows-1252)"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x\n3\n".encode("utf-16"), "this is UTF-16 text; expected UTF-8"),
        ("x\n3\n".encode("utf-16-be"), "a NUL byte"),
        (b"PK\x03\x04rest", "an Excel workbook or a zip archive"),
        (b"\x1f\x8brest", "a gzip archive"),
        (b"PAR1rest", "a Parquet file"),
    ],
)
def test_other_encodings_and_binary_files(content: bytes, words: str) -> None:
    message = refusal(content)
    assert message.startswith("stream:1:1: ")
    assert words in message
    assert "re-save" in message


def test_a_nul_byte_is_placed() -> None:
    assert refusal(b"a,b\r\n1,2\r\n3,\x004\r\n").startswith("stream:3:3: a NUL byte")
    assert refusal("a\n\0").startswith("stream:2:1: a NUL byte")


def test_a_text_stream_that_does_not_decode(write: Write) -> None:
    with (
        open(write(b"x\nJos\xe9\n"), encoding="utf-8") as file,
        pytest.raises(DataError, match=r"byte 0xe9 is not utf-8 text; re-save"),
    ):
        read_delimited(file)
    with open(write(b"name,x\nJos\xe9,2\n"), encoding="latin-1") as file:
        assert read_delimited(file, columns="x").data.tolist() == [[2.0]]


def test_lone_surrogates_are_just_text() -> None:
    assert r"'\udce9' is not a number" in refusal("x\n3\n\udce9\n")


# --- files that cannot be opened


def test_files_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"none\.csv: does not exist; check the name"):
        read_delimited(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder; expected a file"):
        read_delimited(tmp_path)
    with pytest.raises(DataError, match=r"cannot be read: .*null"):
        read_delimited("a\0b")
    with pytest.raises(DataError, match=r"^x+: "):
        read_delimited("x" * 10_000)
    with pytest.raises(DataError, match="''"):
        read_delimited("")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"none\.csv: may not be read; ask for permission"):
        read_delimited(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder; expected a file"):
        read_delimited(tmp_path)


def test_a_stream_that_fails() -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(DataError, match=r"stream: cannot be read: .*Input/output error"):
        read_delimited(Broken())  # type: ignore[arg-type]


def test_what_is_no_source() -> None:
    with pytest.raises(ParameterError, match="source is a list; expected a path or an open stream"):
        read_delimited([1.0])  # type: ignore[arg-type]


# --- size


def test_a_million_rows_and_a_million_columns_are_quick(write: Write) -> None:
    values = np.random.default_rng(0).normal(size=1_000_000)
    cells = list(map(repr, values.tolist()))
    tall, wide = write("x\n" + "\n".join(cells), "tall.csv"), write(",".join(cells), "wide.csv")
    for path, shape in ((tall, (1_000_000, 1)), (wide, (1, 1_000_000))):
        start = time.process_time()
        table = read_delimited(path)
        # About half a second and one second; far more would mean that a step is quadratic.
        assert time.process_time() - start < 10
        assert table.data.shape == shape
        assert table.data.tobytes() == values.tobytes()
        assert table.columns[:1] == (("x",) if path == tall else ("x1",))


@pytest.mark.parametrize(
    "text",
    [
        "x\n3\n" + "\n" * 300_000 + "4\n",
        "a b\n3" + " " * 300_000 + "x\n",
        'a,b\n"3"' + " " * 100_000 + "x,4\n",
        "x\n" + '"' * 120_001 + "\n",
        'a,b\n"1" ,' + '"' * 120_001 + "\n",
        "x\n" + "1_" * 60_000 + "\n",
        "x\n" + "1," * 60_000 + "\n",
        "x\n" + "1" * 120_000 + "x\n",
    ],
    ids=itertools.count(),
)
def test_hostile_texts_are_refused_in_linear_time(text: str) -> None:
    start = time.process_time()
    refusal(text)
    assert time.process_time() - start < 2


# --- laws


def check(content: bytes, **options: Any) -> None:
    """The content is a table of finite numbers, or is refused with a place."""
    try:
        table = read(content, **options)
    except DataError as error:
        message = str(error)
    else:
        assert np.isfinite(table.data).all()
        assert table.data.shape == (len(table.data), len(table.columns))
        return
    assert re.match(r"stream(:\d+:\d+)?: \S", message), message
    assert "could not be read as a table" not in message, "the place was not found"


finite = st.floats(allow_nan=False, allow_infinity=False)
word = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str] | None, list[list[float]]]:
    n, d = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    data = draw(st.lists(st.lists(finite, min_size=d, max_size=d), min_size=n, max_size=n))
    names = draw(st.none() | st.lists(word.map(lambda w: "q" + w), min_size=d, max_size=d))
    return names, data


@settings(max_examples=300, deadline=None)
@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.booleans(),
)
def test_what_the_csv_module_writes_comes_back_to_the_bit(
    table: tuple[list[str] | None, list[list[float]]],
    delimiter: str,
    quoting: Any,
    end: str,
    mark: bool,
) -> None:
    names, data = table
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=end)
    if names is not None:
        writer.writerow(names)
    writer.writerows(data)
    text = stream.getvalue()
    # The csv module leaves a lone carriage return unquoted where another line end is chosen.
    assume(names is None or quoting != csv.QUOTE_MINIMAL or not set("\r\n") & set("".join(names)))
    content = ("\ufeff" * mark + text).encode("utf-8")
    tidy = [" ".join(name.split()) for name in names or []]
    if len(set(tidy)) < len(tidy):
        assert "selected twice" in refusal(content, delimiter=delimiter)
        return
    got = read(content, delimiter=delimiter)
    assert got.data.tobytes() == np.array(data, dtype=np.float64).tobytes()
    if names is not None:
        assert list(got.columns) == tidy


@settings(max_examples=200, deadline=None)
@given(table=tables(), delimiter=st.sampled_from([",", ";", "\t", " ", "  \t"]))
def test_the_delimiter_is_found_when_names_are_plain(
    table: tuple[list[str] | None, list[list[float]]], delimiter: str
) -> None:
    names, data = table
    header = [f"name{j}" for j in range(len(data[0]))] if names is not None else None
    lines = [delimiter.join(map(repr, row)) for row in data]
    text = "\n".join([delimiter.join(header), *lines] if header else lines)
    assert read(text).data.tobytes() == np.array(data, dtype=np.float64).tobytes()


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_data_errors(data: st.DataObject) -> None:
    base = data.draw(
        st.sampled_from(
            [
                b"eruptions,waiting\n3.6,79\n1.8,54\n",
                b'"a";"b c"\r\n"3.5";4\r\n5;"6"\r\n',
                b'"a" "b"\n"1" 3 4\n"2" 5 6\n',
                b"3\n4.5\n-1e-3\n",
                b"\xef\xbb\xbf,a\n0,3\n1,4\n",
            ]
        )
    )
    content = bytearray(base)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(at, min(len(content), at + 3)))
        alphabet = st.sampled_from(b'"",;\t \r\n_.-+ex1\0\xe9\xff')
        content[at:end] = bytes(data.draw(st.lists(alphabet, max_size=4)))
    columns = data.draw(st.sampled_from([None, "1", "b c", ["2", "1"], "waiting"]))
    check(bytes(content), columns=columns)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=40) | word.map(str.encode))
@example(b'"')
@example(b'""')
@example(b"\xef\xbb\xbf")
def test_any_bytes_at_all(content: bytes) -> None:
    check(content)


@settings(max_examples=500, deadline=None)
@given(
    cell=st.text(st.sampled_from("0123456789+-.eE_,xX \t\u00a0\x1cnaif٣"), max_size=8)
    | finite.map(repr)
)
def test_both_gears_agree_on_what_a_number_is(cell: str) -> None:
    values = numbers([cell])
    assert (values is not None) == (kind(cell) == "number")
    if values is not None:
        assert values[0] == float(cell)
        assert math.isfinite(values[0])
        assert re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", cell.strip()), (
            "nothing but plain decimal notation"
        )


@settings(max_examples=100, deadline=None)
@given(table=tables(), cells=st.integers(1, 9))
def test_the_size_of_a_block_changes_nothing(
    table: tuple[list[str] | None, list[list[float]]], cells: int
) -> None:
    _, data = table
    text = "\n".join(",".join(map(repr, row)) for row in data)
    whole = read(text, delimiter=",")
    kept, delimited.BLOCK_CELLS = delimited.BLOCK_CELLS, cells
    try:
        assert read(text, delimiter=",").data.tobytes() == whole.data.tobytes()
    finally:
        delimited.BLOCK_CELLS = kept
