"""Delimited text in bulk: CSV and TSV files too large to be held, read by Arrow.

The layout (delimiter, header, names) is found by the strict reader, in the first lines of each
file; only the numbers go through Arrow.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Place
from emix.errors import DataError, ParameterError
from emix.sources.arrow import Chosen, pyarrow
from emix.sources.layout import Layout, layout_of
from emix.sources.sheet import Sheet
from emix.sources.streamed import Pieces, Streamed

if TYPE_CHECKING:
    from emix.sources.files import File

# Bytes of a file that are looked at for its layout; and those that Arrow parses at once.
HEAD, BLOCK_BYTES = 1 << 18, 1 << 22


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is laid out: its delimiter, the number of cells in a row, whether the first row is
    a header, and where among the cells, from 0, data and weights are, with their names."""

    file: File
    delimiter: str
    width: int
    header: bool
    positions: tuple[int, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, file: File, columns: list[str] | None, weight: str | None) -> Form:
        """Raises `DataError` as `read_delimited` does."""
        sheet = Sheet.read(_Head(file.path))
        if sheet.between_blanks:
            raise DataError(f"{sheet.name}: cells between runs of blanks are read in memory only, "
                            f"from files of up to 64 MiB; put commas between them")
        layout: Layout = layout_of(sheet, columns, weight)
        positions = tuple(layout.positions)
        return cls(file, sheet.delimiter, len(layout.names), layout.header, positions,
                   tuple(layout.names[j] for j in positions))


class _Head(io.BytesIO):
    """The first lines of a file."""

    def __init__(self, path: str) -> None:
        with open(path, "rb") as opened:
            head, size = opened.read(HEAD), os.path.getsize(path)
        if size > len(head) and b"\n" in head:
            head = head[: head.rindex(b"\n") + 1]
        super().__init__(head)
        self.name = path


class TextFiles(Streamed):
    """The rows of delimited text files, in the order of the files.

    Raises `DataError` for files that have not the columns of the first, and where a cell is no
    number, with the file and the number of the row in it.
    """

    def __init__(
        self, files: Sequence[File], name: str, sample_weight: object = None,
        columns: list[str] | None = None,
    ) -> None:
        if sample_weight is not None and not isinstance(sample_weight, str):
            raise ParameterError("sample_weight of rows in files is the name of a column")
        self.forms = [Form.of(file, columns, sample_weight) for file in files]
        first = self.forms[0]
        for form in self.forms[1:]:
            if form.names != first.names:
                raise DataError(f"{form.file.path} has the columns {', '.join(form.names)}; "
                                f"expected those of {first.file.path}, {', '.join(first.names)}")
        weighted = sample_weight is not None
        names = first.names[:-1] if weighted else first.names
        self._chosen = Chosen(names, sample_weight, np.dtype(np.float64))
        super().__init__(name, names, self._chosen.dtype, weighted)

    def pieces(self) -> Pieces:
        arrow = pyarrow("reading delimited text in bulk")
        for form in self.forms:
            row = 0
            try:
                for batch in _opened(form, arrow):
                    named = batch.select(self._cells(form)).rename_columns(list(form.names))
                    if self._chosen.weight is not None:
                        named = named.rename_columns([*self._chosen.names, self._chosen.weight])
                    place = Place(((0, form.file.path, row),), self.column_names)
                    yield self._chosen.of_batch(named, place)
                    row += batch.num_rows
            except (arrow.ArrowException, OSError) as reason:
                raise DataError(f"{form.file.path}: {_exactly(form, arrow) or reason}; expected "
                                f"{form.width} cells in each row, and numbers in the columns "
                                f"{', '.join(form.names)}") from None

    @staticmethod
    def _cells(form: Form) -> list[str]:
        return [str(j) for j in form.positions]


def _exactly(form: Form, arrow: Any) -> str:
    """What is wrong with a file, with the number of the line, which Arrow knows on one thread."""
    try:
        for _ in _opened(form, arrow, use_threads=False):
            pass
    except (arrow.ArrowException, OSError) as reason:
        return str(reason)
    return ""


def _opened(form: Form, arrow: Any, use_threads: bool = True) -> Any:
    """Cells are called by their places, so that no name can stand in the way."""
    cells = [str(j) for j in range(form.width)]
    wanted = [str(j) for j in form.positions]
    return arrow.csv.open_csv(
        form.file.path,
        arrow.csv.ReadOptions(column_names=cells, skip_rows=int(form.header),
                              block_size=BLOCK_BYTES, use_threads=use_threads),
        arrow.csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=False),
        arrow.csv.ConvertOptions(include_columns=wanted,
                                 column_types=dict.fromkeys(wanted, arrow.float64())),
    )
