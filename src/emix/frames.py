"""Data frames in and out, of whatever library; the one place that imports narwhals, when it must.

emix imports no frame library itself: it looks at a frame through narwhals, and hands back frames
of the caller's own kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import DataError
from emix.names import SHOWN_NAMES, as_names, default_names, listed, near

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Points = NDArray[np.floating[Any]]

# What is surely no frame is told apart without importing narwhals.
NO_FRAME = (np.ndarray, np.generic, list, tuple, int, float, str, bytes, type(None))
# Rows that are copied from all columns before the next ones: their cells stay in cache meanwhile.
ROWS_AT_A_TIME = 1 << 12


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
    seen = _seen(x, name)
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


def _seen(x: Any, name: str) -> Any:
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


def points(
    frame: Frame, positions: Sequence[int] | None = None, name: str = "x", *, chosen: bool = False
) -> Points:
    """Rows (n, d) of the chosen columns, all of them for None, in C order.

    float32 where all columns are, else float64; integers, booleans and decimals become the
    nearest double. One column of floats is used where it lies, and so is a pandas frame that
    holds one array in C order.

    Raises `DataError` naming every column that does not hold numbers (and, unless the columns were
    `chosen`, those to choose), or row and column of the first missing or infinite value.
    """
    wanted = range(len(frame.names)) if positions is None else positions
    names = [frame.names[j] for j in wanted]
    n_rows = len(frame.table)
    if n_rows == 0 or not names:
        raise DataError(f"{name} is empty (shape {(n_rows, len(names))}); at least one row is "
                        f"needed")
    columns = [frame.table[:, j] for j in wanted]
    refuse_text(frame, columns, names, name, chosen=chosen)
    _refuse_missing(columns, names, name)
    whole = _whole(frame, columns, names)
    _refuse_infinite(whole, columns, names, name)
    return whole


def _whole(frame: Frame, columns: Sequence[Any], names: Sequence[str]) -> Points:
    import narwhals.stable.v2 as nw

    kinds = {type(column.dtype) for column in columns}
    kind: type[np.floating[Any]] = np.float32 if kinds == {nw.Float32} else np.float64
    if frame.table.implementation.is_pandas_like() and kinds in ({nw.Float32}, {nw.Float64}) and \
            tuple(names) == frame.names:
        return np.ascontiguousarray(frame.table.to_numpy(), dtype=kind)
    values = [values_of(column) for column in columns]
    if len(values) == 1:
        return np.ascontiguousarray(values[0], dtype=kind)[:, None]
    whole: Points = np.empty((len(values[0]), len(values)), kind)
    for first in range(0, len(whole), ROWS_AT_A_TIME):
        rows = slice(first, first + ROWS_AT_A_TIME)
        for j, column in enumerate(values):
            whole[rows, j] = column[rows]
    return whole


def values_of(column: Any) -> NDArray[Any]:
    """The cells of a column that is known to hold numbers, none of them missing."""
    import narwhals.stable.v2 as nw

    if isinstance(column.dtype, nw.Decimal):
        # Casting divides by a power of ten, and may end one double beside the nearest.
        return np.array([float(value) for value in column.to_list()])
    if isinstance(column.dtype, nw.Int128 | nw.UInt128):
        column = column.cast(nw.Float64)
    values: NDArray[Any] = np.asarray(column.to_numpy())
    if values.dtype == object:
        floats = floats_of_objects(values)
        assert floats is not None
        return floats
    return values


def _holds_numbers(column: Any) -> bool:
    import narwhals.stable.v2 as nw

    dtype = column.dtype
    # A column of nothing but missing values may be of any type, and is refused for those.
    if dtype.is_numeric() or isinstance(dtype, nw.Boolean) or column.null_count() == len(column):
        return True
    if not isinstance(dtype, nw.Object | nw.Unknown):
        return False
    # Python numbers, sparse columns, and what else NumPy can read.
    cells = np.asarray(column.filter(~column.is_null()).to_native())
    if cells.dtype == object:
        return floats_of_objects(cells) is not None
    return cells.dtype.kind in "fiub" and cells.dtype.itemsize <= 8


def is_number(cell: object) -> bool:
    """Whether a Python object is a real number, or None for a missing one; text never is."""
    from decimal import Decimal
    from numbers import Real

    return cell is None or isinstance(cell, Real | Decimal | np.bool_)


def floats_of_objects(cells: NDArray[Any]) -> Floats | None:
    """Python numbers as float64, None as NaN; None when one of them is no real number.

    >>> floats_of_objects(np.array([1, 2.5, None], dtype=object))
    array([1. , 2.5, nan])
    >>> floats_of_objects(np.array([1, "2.5"], dtype=object))
    """
    if not all(map(is_number, cells.flat)):
        return None
    try:
        return cells.astype(np.float64)
    except (OverflowError, ValueError, TypeError):
        return None


def refuse_text(
    frame: Frame, columns: Sequence[Any], names: Sequence[str], name: str, *, chosen: bool
) -> None:
    wrong = [not _holds_numbers(column) for column in columns]
    if not any(wrong):
        return
    kinds = [_kind(column) for column in columns]
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


def _kind(column: Any) -> str:
    import narwhals.stable.v2 as nw

    if isinstance(column.dtype, nw.Unknown):
        native = column.to_native()
        return str(getattr(native, "dtype", getattr(native, "type", "values of no known type")))
    return type(column.dtype).__name__


def _refuse_missing(columns: Sequence[Any], names: Sequence[str], name: str) -> None:
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


def _refuse_infinite(
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


def rows_like(x: object, names: Sequence[str], name: str = "x") -> Any:
    """Rows of a frame x as (n, d), its columns chosen by `names` and in their order; other columns
    are left out. What is no frame has no names to choose by and comes back as it is.

    Columns go by position where either side is without names: for a frame made of a bare table,
    and where `names` are `default_names` of which x has none.

    Raises `DataError` when a name is missing, with those that come near, or as `points` does.
    """
    frame = opened(x, name)
    if frame is None:
        return x
    known, d = set(frame.names), len(names)
    missing = [each for each in names if each not in known]
    by_position = not frame.is_named or (
        tuple(names) == default_names(d) and len(missing) == d
    )
    if not by_position and missing:
        raise DataError(
            f"{name} has no column {listed(missing)}{near(missing[0], frame.names)}; expected "
            f"{listed(names)}, and {name} has {listed(frame.names)}: rename, or give a NumPy array "
            f"to go by position"
        )
    if by_position:
        if len(frame.names) != d:
            raise DataError(f"{name} has {len(frame.names)} columns; expected {d}: {listed(names)}")
        return points(frame, None, name)
    return points(frame, [frame.names.index(each) for each in names], name, chosen=True)


def like(x: object, data: Mapping[str, NDArray[Any]]) -> Any:
    """Columns (n,) as a frame of the same kind as the frame or Series x, or None if x is neither.

    A pandas frame has the index of x.
    """
    seen = _seen(x, "x")
    if seen is None:
        return None
    import narwhals.stable.v2 as nw

    made = nw.from_dict(dict(data), backend=seen.implementation)
    return _as_given(made, seen, x)


def column_like(x: object, name: str, values: NDArray[Any]) -> Any:
    """Values (n,) as a Series of the same kind as the frame or Series x, or None if x is neither.

    A pandas Series has the index of x.
    """
    seen = _seen(x, "x")
    if seen is None:
        return None
    import narwhals.stable.v2 as nw

    made = nw.new_series(name, values, backend=seen.implementation)
    return _as_given(made, seen, x)


def beside(frame: Any, keys: Mapping[str, Any], data: Mapping[str, NDArray[Any]]) -> Any:
    """A new frame of the same kind as `frame`: columns `keys` (g,), cut from it as narwhals shows
    it, and beside them `data` (g,); a pandas frame counts its rows from 0."""
    import narwhals.stable.v2 as nw

    kind = next(iter(keys.values())).implementation
    made: Any = nw.from_dict(dict(data), backend=kind)
    if kind.is_pandas_like():
        native = made.to_native()
        for place, (name, key) in enumerate(keys.items()):
            # Without its index, by which pandas would lay rows beside each other.
            native.insert(place, name, key.to_native().array)
        return _in_kind(nw.from_native(native, eager_only=True), native, frame)
    made = made.with_columns(**keys).select(*keys, *data)
    return _in_kind(made, made.to_native(), frame)


def _as_given(made: Any, seen: Any, x: object) -> Any:
    native = made.to_native()
    if seen.implementation.is_pandas_like():
        native.index = seen.to_native().index
    return _in_kind(made, native, x)


def _in_kind(made: Any, native: Any, x: object) -> Any:
    """Who works with narwhals gets narwhals back."""
    import narwhals
    import narwhals.stable.v2 as nw

    if isinstance(x, nw.DataFrame | nw.Series):
        return made
    if isinstance(x, narwhals.DataFrame | narwhals.Series):
        return narwhals.from_native(native, allow_series=True)
    return native
