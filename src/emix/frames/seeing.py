"""What is a data frame, and what its columns are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import DataError
from emix.names import as_names, default_names, listed

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

# What is surely no frame is told apart without importing narwhals.
NO_FRAME = (np.ndarray, np.generic, list, tuple, int, float, str, bytes, type(None))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A data frame of d columns, or a Series as the only one.

    names (d,) are text and distinct: those of the frame, or `default_names(d)` where it has none
    of its own (`is_named` says which). `table` is the frame as narwhals shows it.
    """

    table: nw.DataFrame[Any]
    names: tuple[str, ...]
    is_named: bool


def opened(x: object, name: str = "x") -> Frame | None:
    """The frame that x is, or None when it is none.

    Raises `DataError` for a frame whose rows are not in memory, and for names that are not
    distinct.
    """
    seen = seen_of(x, name)
    if seen is None:
        return None
    table = seen if _is_table(seen) else seen.to_frame()
    given = seen.columns if _is_table(seen) else [seen.name]
    names = default_names(len(given))
    if _are_no_names(given):
        return Frame(table, names, False)
    names = as_names(given)
    if len(set(names)) < len(names):
        raise DataError(_twice(names, name))
    return Frame(table, names, True)


def _are_no_names(given: Sequence[Any]) -> bool:
    """What a frame made of a bare table has: pandas then counts, polars does not name a Series."""
    if len(given) == 1 and (given[0] is None or given[0] == ""):
        return True
    whole = all(isinstance(each, int | np.integer) and not isinstance(each, bool) for each in given)
    return whole and list(given) == list(range(len(given)))


def seen_of(x: Any, name: str) -> Any:
    """x as narwhals shows it, an eager frame or a Series; None for anything else."""
    if isinstance(x, NO_FRAME):
        return None
    import narwhals
    import narwhals.stable.v2 as nw
    from narwhals.exceptions import DuplicateError

    if isinstance(x, narwhals.DataFrame | narwhals.LazyFrame | narwhals.Series):
        x = x.to_native()
    try:
        seen: object = nw.from_native(x, pass_through=True, allow_series=True)
        # A record batch is a table that narwhals does not take as it is.
        if seen is x and hasattr(x, "__arrow_c_stream__") and hasattr(x, "num_rows"):
            seen = nw.from_arrow(x, backend="pyarrow")
    except DuplicateError:
        given: Any = getattr(x, "column_names", None)  # those of a pyarrow table
        raise DataError(_twice(as_names(given or x.columns), name)) from None
    if isinstance(seen, nw.LazyFrame):
        raise DataError(f"{name} is a lazy frame, whose rows are not in memory; compute it first, "
                        f"with .collect() or .compute()")
    return seen if isinstance(seen, nw.DataFrame | nw.Series) else None


def _is_table(seen: Any) -> bool:
    return hasattr(seen, "columns")


def _twice(names: Sequence[str], name: str) -> str:
    repeated = [each for each, count in Counter(names).items() if count > 1]
    return f"{name} has several columns named {listed(repeated)}; give each a name of its own"
