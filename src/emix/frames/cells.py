"""Which columns hold numbers, and their cells as NumPy's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emix.arrays import Floats


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


def holds_numbers(column: Any) -> bool:
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


def kind_of(column: Any) -> str:
    import narwhals.stable.v2 as nw

    if isinstance(column.dtype, nw.Unknown):
        native = column.to_native()
        return str(getattr(native, "dtype", getattr(native, "type", "values of no known type")))
    return type(column.dtype).__name__
