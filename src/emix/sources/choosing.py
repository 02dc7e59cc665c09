"""Which columns of a table are data, and which holds the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from emix.errors import DataError, ParameterError
from emix.names import listed, near


def wanted_columns(columns: object) -> list[str | int] | None:
    """A list of names and indices, or None for all columns."""
    if columns is None:
        return None
    given: Any = [columns] if isinstance(columns, str | int | np.integer) else columns
    try:
        wanted = [each if isinstance(each, str) else each.__index__() for each in given]
    except (TypeError, AttributeError):
        wanted = []
    if not wanted or len(set(wanted)) < len(wanted):
        raise ParameterError(f"columns={columns!r}; expected a name or a list of names, each once "
                             f"(for an array, of indices)")
    return wanted


def positions_of(
    wanted: list[str | int] | None, names: tuple[str, ...], weight: int | None, name: str = "x"
) -> list[int]:
    """The columns that are data. Raises `DataError` where there are none, and `ParameterError` when
    the weights are among them."""
    if not names:
        raise DataError(f"{name} has no columns; expected one at least")
    if wanted is None:
        positions = [j for j in range(len(names)) if j != weight]
    else:
        positions = [position_of(each, names, name) for each in wanted]
    if weight is not None and (not positions or weight in positions):
        raise ParameterError(f"sample_weight={names[weight]!r} is also the data; choose other "
                             f"columns to fit, or other weights")
    return positions


def position_of(wanted: str | int, names: tuple[str, ...], name: str = "x") -> int:
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        return wanted
    close = near(wanted, names) if isinstance(wanted, str) else ""
    raise DataError(f"{name} has no column {wanted!r}{close}; the columns are {listed(names)}")
