"""Why a frame is refused: which column, which row, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import DataError
from emix.frames.cells import holds_numbers, kind_of
from emix.names import SHOWN_NAMES, listed

if TYPE_CHECKING:
    from emix.arrays import Points
    from emix.frames.seeing import Frame


def refuse_text(
    frame: Frame, columns: Sequence[Any], names: Sequence[str], name: str, *, chosen: bool
) -> None:
    wrong = [not holds_numbers(column) for column in columns]
    if not any(wrong):
        return
    kinds = [kind_of(column) for column in columns]
    if len(columns) == 1:
        which = f"{name}, column {names[0]!r}," if frame.is_named else name
        raise DataError(f"{which} is of type {kinds[0]}; expected numbers: convert it first, or "
                        f"choose another column")
    refused = [f"{each!r} ({kind})" for each, kind, bad in zip(names, kinds, wrong, strict=True)
               if bad]
    good = [each for each, bad in zip(names, wrong, strict=True) if not bad]
    several = f"{len(refused)} columns that do not" if len(refused) > 1 else \
        "a column that does not"
    advice = "convert first, or choose other columns"
    if not chosen and 0 < len(good) <= SHOWN_NAMES:
        choice = f".select({good!r})" if frame.table.implementation.is_pyarrow() else f"[{good!r}]"
        advice = f"leave out what is not to be modelled, {name}{choice}, or convert it first"
    raise DataError(f"{name} has {several} hold numbers: {listed(refused, str)}; {advice}")


def refuse_missing(columns: Sequence[Any], names: Sequence[str], name: str) -> None:
    counts = [column.null_count() for column in columns]
    if not any(counts):
        return
    row, j = min((int(column.is_null().to_numpy().argmax()), j)
                 for j, (column, count) in enumerate(zip(columns, counts, strict=True)) if count)
    holding = [each for each, count in zip(names, counts, strict=True) if count]
    where = f"; columns {listed(holding)}" if len(holding) > 1 else ""
    raise DataError(
        f"{name} holds a missing value at {_place(columns[j], row, names[j])} ({sum(counts)} such "
        f"values in all{where}); missing values are not supported: drop those rows first"
    )


def refuse_infinite(
    whole: Points, columns: Sequence[Any], names: Sequence[str], name: str
) -> None:
    finite = np.isfinite(whole)
    if finite.all():
        return
    row, j = (int(i) for i in np.argwhere(~finite)[0])
    raise DataError(
        f"{name} holds {whole[row, j]} at {_place(columns[j], row, names[j])} "
        f"({int((~finite).sum())} such values in all); only finite numbers can be modelled: drop "
        f"those rows first"
    )


def _place(column: Any, row: int, name: str) -> str:
    """Row, counted from 0 and as pandas labels it where that is something else, and column."""
    label = row
    if column.implementation.is_pandas_like():
        label = column.to_native().index[row]
    return f"row {row}{'' if label == row else f' (labelled {label!r})'}, column {name!r}"
