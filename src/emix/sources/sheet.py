"""Delimited text as rows of cells, each with the line on which it starts."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import IO, Any

from emix.errors import DataError
from emix.sources.cells import numbers
from emix.sources.text import (
    blanks_to_tabs,
    column_of_bad_quote,
    guess_delimiter,
    lines_of,
    read_text,
    tighten_quotes,
)

__all__ = ["Sheet"]


@dataclass(frozen=True)
class Sheet:
    """Text that is known to be clean UTF-8 without a blank end, and its delimiter: a tab where
    there were runs of blanks between cells."""

    name: str
    text: str
    delimiter: str
    between_blanks: bool = False

    @classmethod
    def read(
        cls, source: str | PathLike[str] | IO[str] | IO[bytes], delimiter: str | None = None
    ) -> Sheet:
        """From a path or a stream; " " stands for runs of blanks, None for whichever it has.

        Raises `DataError` for what is no text, or empty.
        """
        name, text = read_text(source)
        if not text:
            raise DataError(f"{name}:1:1: the file is empty; expected rows of numbers")
        if delimiter is None:
            delimiter = guess_delimiter(name, text, all_numbers=lambda c: numbers(c) is not None)
        between_blanks = delimiter == " "
        if between_blanks:
            text, delimiter = blanks_to_tabs(text), "\t"
        return cls(name, tighten_quotes(text, delimiter), delimiter, between_blanks)

    def reader(self) -> Any:  # the type of csv.reader has no public name before Python 3.13
        # Strict: otherwise '"3"5' would be read as 35 and an open quote would swallow the file.
        return csv.reader(
            lines_of(self.text), delimiter=self.delimiter, skipinitialspace=True, strict=True
        )

    def refusal(self, line: int, column: int, message: str) -> DataError:
        return DataError(f"{self.name}:{line}:{column}: {message}")

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Rows with the line on which each starts, refusing what is no row at all."""
        reader, line = self.reader(), 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                column = column_of_bad_quote(self.text, line, self.delimiter)
                raise self.refusal(line, column, _quoting_message(str(error))) from None
            if cells is None:
                return
            if len(cells) < 2 and not "".join(cells).strip():
                raise self.refusal(
                    line,
                    1,
                    "the line is blank, and missing values are not supported yet; remove it",
                )
            yield line, cells
            line = reader.line_num + 1


def _quoting_message(error: str) -> str:
    if "field larger" in error:
        return (
            f"a cell has more than {csv.field_size_limit()} characters; "
            "look for a quote that is never closed"
        )
    if "unexpected end" in error:
        return "a quote is opened here and never closed; close it or remove it"
    return (
        "text follows the closing quote of a cell; "
        "expected the delimiter, or the quote written twice inside the cell"
    )
