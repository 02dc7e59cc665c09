"""Which cells of a row are wanted, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emix.errors import DataError, ParameterError
from emix.names import as_names, default_names, listed, near
from emix.sources.cells import kind, numbers, shown
from emix.sources.sheet import Sheet

__all__ = ["Layout", "are_row_names", "layout_of"]

# Rows, and cells of them, that are looked at to say which columns hold numbers.
JUDGED_ROWS, JUDGED_CELLS = 1000, 200_000


@dataclass(frozen=True)
class Layout:
    """What each cell of a row is called, and the positions from 0 of those that are wanted.

    `header` and `row_names` say whether the first row, and the first cell of each, are names.
    """

    names: Sequence[str]
    positions: Sequence[int]
    header: bool
    row_names: bool

    @property
    def judged_rows(self) -> int:
        """How many of the first rows say which columns hold numbers."""
        return max(1, min(JUDGED_ROWS, JUDGED_CELLS // len(self.names)))


def layout_of(
    sheet: Sheet, columns: str | Sequence[str] | None, weight: str | None
) -> Layout:
    """The layout of a sheet, its wanted columns those that `read_delimited` describes.

    Raises `DataError` for a header without rows and for columns that are not there.
    """
    records = sheet.records()
    line, first = next(records)
    header = numbers(first) is None and any(kind(cell) == "text" for cell in first)
    if not header:
        names = default_names(len(first))
        positions = _positions(sheet, names, columns, weight, 0)
        return Layout(names, positions, header=False, row_names=False)
    row = next(records, None)
    if row is None:
        raise sheet.refusal(line, 1, "the file has a header and no rows; expected rows of numbers")
    given = [" ".join(cell.split()) for cell in first]
    # One cell more than the header is R's row name only if it can be one; else the row is ragged.
    short = len(row[1]) == len(given) + 1 and are_row_names([row[1][0].strip()])
    if short:
        given.insert(0, "")
    unnamed = given[0] == ""
    names = as_names(given)
    positions = _positions(sheet, names, columns, weight, int(unnamed))
    return Layout(names, positions, header=True, row_names=short or (unnamed and columns is None))


def _positions(
    sheet: Sheet, names: Sequence[str], columns: str | Sequence[str] | None, weight: str | None,
    skipped: int,
) -> Sequence[int]:
    """Positions from 0 of the columns asked for, in that order; all but the row names for None.

    That of the weights comes last.
    """
    at = [] if weight is None else [_position(sheet, names, weight)]
    if columns is None:
        positions = [j for j in range(skipped, len(names)) if j not in at]
    else:
        wanted = [columns] if isinstance(columns, str) else [str(column) for column in columns]
        positions = [_position(sheet, names, column) for column in wanted]
    if not positions and at:
        raise ParameterError(f"{sheet.name}: the only column, {shown(names[at[0]])}, holds the "
                             f"weights; no values are left to fit")
    if not positions:
        raise DataError(f"{sheet.name}: no column is selected; {_available(names)}")
    positions += at
    if len({names[j] for j in positions}) < len(positions):
        taken: dict[str, int] = {}
        for j in positions:
            if names[j] in taken:
                raise sheet.refusal(
                    1,
                    j + 1,
                    f"column {shown(names[j])} is selected twice, as cells "
                    f"{taken[names[j]] + 1} and {j + 1} of a row; "
                    "select each column once, and give each its own name",
                )
            taken[names[j]] = j
    return positions


def _position(sheet: Sheet, names: Sequence[str], wanted: str) -> int:
    wanted = " ".join(wanted.split())
    found = [j for j, name in enumerate(names) if name == wanted]
    if len(found) > 1:
        cells = listed([str(j + 1) for j in found], str)
        raise sheet.refusal(
            1,
            found[1] + 1,
            f"{len(found)} columns are named {shown(wanted)}, cells {cells} of a row; "
            "select by position instead, or give each its own name",
        )
    if found:
        return found[0]
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted[:19]) <= len(names):
        j = int(wanted[:19]) - 1
        if kind(names[j]) == "number":
            raise sheet.refusal(
                1,
                j + 1,
                f"the first row counts as a header, because some of its cells are text, and names "
                f"this column {shown(names[j])}; select the column by that name, or put a header "
                "above if this is a row of data",
            )
        return j
    hint = near(wanted, names, shown)
    raise DataError(f"{sheet.name}: no column {shown(wanted)}{hint}; {_available(names)}")


def _available(names: Sequence[str]) -> str:
    return f"the columns are {listed(names, shown)}"


def are_row_names(cells: Sequence[str]) -> bool:
    """Whether some of the cells are text, or they count 0, 1, 2, ... or 1, 2, 3, ..."""
    if any(kind(cell) == "text" for cell in cells):
        return True
    return any(all(cell == str(i) for i, cell in enumerate(cells, start)) for start in (0, 1))
