"""Bytes to text for the delimited reader: opening, UTF-8, line ends, quotes, the delimiter."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from itertools import islice
from os import PathLike, fsdecode
from pathlib import Path
from typing import IO

from emix.errors import DataError, ParameterError

__all__ = [
    "blanks_to_tabs",
    "column_of_bad_quote",
    "guess_delimiter",
    "lines_of",
    "read_text",
    "tighten_quotes",
]

# Characters handed to the line splitter at one time; it holds four bytes for each.
BLOCK_CHARACTERS = 1 << 20

# One quoted cell with its doubled quotes, closed or running to the end: it matches at every quote
# without backtracking, which keeps each substitution linear whatever the text is.
QUOTED = r'"[^"]*(?:""[^"]*)*(?:"|\Z)'

SIGNATURES = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
}


def read_text(source: str | PathLike[str] | IO[str] | IO[bytes]) -> tuple[str, str]:
    """Name and whole text of a path or stream, without byte-order mark and blank lines at the end.

    Raises `DataError` for a file that cannot be opened and for bytes that are not UTF-8 text; in
    `file:line:column` the column then counts bytes from 1.

    >>> read_text(io.BytesIO(b"x\\n3.5\\n\\n"))
    ('stream', 'x\\n3.5')
    """
    content: str | bytes
    if isinstance(source, str | PathLike):
        name, content = _read_path(fsdecode(source))
    elif hasattr(source, "read"):
        name, content = _read_stream(source)
    else:
        raise ParameterError(
            f"source is a {type(source).__name__}; expected a path or an open stream"
        )
    text = content if isinstance(content, str) else _decoded(name, content)
    if "\0" in text:
        before = text[: text.index("\0")]
        line, column = _place(before)
        raise DataError(
            f"{name}:{line}:{column}: a NUL byte; expected UTF-8 text, and this looks like UTF-16 "
            "or a binary file; re-save it as CSV in UTF-8"
        )
    return name, _without_blank_end(text.removeprefix("\ufeff"))


def _read_path(path: str) -> tuple[str, bytes]:
    try:
        return path, Path(path).read_bytes()
    except FileNotFoundError:
        reason = "does not exist; check the name and the folder it is looked for in"
    except IsADirectoryError:
        reason = "is a folder; expected a file"
    except PermissionError:
        # Windows reports a folder as a lack of permission.
        folder = Path(path).is_dir()
        reason = "is a folder; expected a file" if folder else "may not be read; ask for permission"
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {error}"
    raise DataError(f"{path or repr(path)}: {reason}")


def _read_stream(stream: IO[str] | IO[bytes]) -> tuple[str, str | bytes]:
    name = getattr(stream, "name", None)
    if name in (0, "<stdin>"):
        name = "standard input"
    elif not isinstance(name, str):
        name = "stream"
    try:
        return name, stream.read()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: byte {error.object[error.start]:#04x} is not {error.encoding} text; "
            "re-save the file as UTF-8"
        ) from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error}") from None


def _decoded(name: str, content: bytes) -> str:
    for signature, what in SIGNATURES.items():
        if content.startswith(signature):
            raise DataError(
                f"{name}:1:1: this is {what}; expected UTF-8 text: re-save it as CSV in UTF-8"
            )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line, _ = _place(before)
        column = error.start - max(content.rfind(end, 0, error.start) for end in (b"\n", b"\r"))
        raise DataError(
            f"{name}:{line}:{column}: byte {content[error.start]:#04x}, at offset {error.start} of "
            "the file, is not UTF-8; re-save the file as UTF-8 (it may be Latin-1 or Windows-1252)"
        ) from None


def _place(before: str) -> tuple[int, int]:
    """Line and column, from 1, of the character that follows `before`."""
    ends = before.count("\n") + before.count("\r") - before.count("\r\n")
    return ends + 1, len(before) - max(before.rfind("\n"), before.rfind("\r"))


def _without_blank_end(text: str) -> str:
    # Only whole lines go: a tab at the end of the last row is an empty cell, not a blank line.
    kept = text.rstrip(" \t\r\n")
    ends = [at for at in (text.find("\n", len(kept)), text.find("\r", len(kept))) if at >= 0]
    return text[: min(ends)] if kept and ends else text if kept else ""


def lines_of(text: str) -> Iterator[str]:
    """Lines with their ends, split as an editor does at LF, CRLF and CR and nowhere else.

    >>> list(lines_of("a\\r\\nb\\x0bc\\n"))
    ['a\\r\\n', 'b\\x0bc\\n']
    """
    start = 0
    while start < len(text):
        stop = text.find("\n", start + BLOCK_CHARACTERS) + 1 or len(text)
        yield from io.StringIO(text[start:stop], newline="")
        start = stop


def tighten_quotes(text: str, delimiter: str) -> str:
    """Remove blanks between a closing quote and the delimiter, which the csv module would refuse.

    >>> tighten_quotes('"3.5" , 4', ",")
    '"3.5", 4'
    """
    end = rf"(?=[{re.escape(delimiter)}\r\n]|\Z)"
    if '"' not in text or not re.search('" +' + end, text):
        return text
    return re.sub(rf"({QUOTED})(?: +{end})?", r"\1", text)


def column_of_bad_quote(text: str, line: int, delimiter: str) -> int:
    """Position from 1 of the first cell with a misplaced quote, in the row that starts on `line`.

    >>> column_of_bad_quote('a,b,c\\n1,"2"5,3', 2, ",")
    2
    """
    at = sum(map(len, islice(lines_of(text), line - 1)))
    other = re.escape(delimiter)
    cell = re.compile(rf' *"[^"]*(?:""[^"]*)*"{other}|(?! *")[^{other}\r\n]*{other}')
    column = 1
    while found := cell.match(text, at):
        at, column = found.end(), column + 1
    return column


def blanks_to_tabs(text: str) -> str:
    """Put one tab for every run of blanks outside quotes, and none at the ends of a line.

    >>> blanks_to_tabs('  "a b"   c \\n 1 2')
    '"a b"\\tc\\n1\\t2'
    """
    if '"' in text:
        text = re.sub(rf"({QUOTED})|[ \t]+", lambda found: found[1] or "\t", text)
    else:
        text = re.sub(r"[ \t]+", "\t", text)
    return re.sub(r"(?:\A|(?<=[\r\n]))\t|\t(?=[\r\n]|\Z)", "", text)


def guess_delimiter(name: str, text: str, *, all_numbers: Callable[[list[str]], bool]) -> str:
    """The delimiter that a file's name or first lines show; a character that no text has for none.

    Tab comes before semicolon before comma, unless only a later one splits the second line alike.

    >>> guess_delimiter("a.csv", '"a,b";c\\n1;2', all_numbers=lambda cells: False)
    ';'
    """
    if name.lower().endswith(".tsv"):
        return "\t"
    lines = lines_of(text)
    first, second = _quote_balanced(lines), _quote_balanced(lines)
    bare, bare_second = (re.sub(QUOTED, "", line) for line in (first, second))
    # R writes a header that is one cell shorter than the rows.
    seen = [delimiter for delimiter in "\t;," if delimiter in bare]
    for delimiter in seen:
        if bare_second.count(delimiter) - bare.count(delimiter) in (0, 1):
            return delimiter
    if seen:
        return seen[0]
    cells, row = _cells_between_blanks(first), _cells_between_blanks(second)
    if len(row) > 1:
        blanks = len(row) - len(cells) in (0, 1)
    else:
        blanks = not row and len(cells) > 1 and all_numbers(cells)
    # Not a comma: it would split the decimal commas of a file with one column.
    return " " if blanks else "\x1f"


def _quote_balanced(lines: Iterator[str]) -> str:
    """The next line, and those after it for as long as a quoted cell runs on."""
    taken: list[str] = []
    quotes = 0
    for line in lines:
        taken.append(line)
        quotes += line.count('"')
        if quotes % 2 == 0:
            break
    return "".join(taken)


def _cells_between_blanks(line: str) -> list[str]:
    tidy = blanks_to_tabs(line.rstrip("\r\n"))
    return tidy.split("\t") if tidy else []
