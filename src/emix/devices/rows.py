"""Rows as a user gives them on a device: checked there, and left there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emix.devices.device import Device, device_of
from emix.errors import DataError


def points_of(x: Any, name: str = "x") -> Any:
    """An array of another library as rows (n, d) where it lives, not yet seen to be finite.

    One column may come as (n,). Half precision, integers and booleans become the dtype that is
    computed in; float32 and float64 stay what they are.

    Raises `DataError` when it is empty, has more than two axes, or does not hold real numbers.
    """
    from emix.devices.backend import without_gradient

    device = device_of(x)
    x = without_gradient(x)
    if device.xp.isdtype(x.dtype, "complex floating"):
        raise DataError(f"{name} has dtype {x.dtype}; expected real numbers")
    if x.dtype not in (device.xp.float32, device.xp.float64):
        x = device.xp.astype(x, device.real)
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2:
        raise DataError(f"{name} has {x.ndim} axes; expected one column (n,) or a table (n, d)")
    if 0 in x.shape:
        raise DataError(f"{name} is empty (shape {tuple(x.shape)}); at least one row is needed")
    return x


def weight_of(weight: Any, device: Device, n_rows: int) -> Any:
    """Row weights (n,) in the dtype that is computed in; see `arrays.as_sample_weight`.

    Raises `DataError` when they are on another device, or not one number per row.
    """
    w = points_of(weight, "sample_weight")
    if device_of(w) is not device:
        raise DataError(f"sample_weight is on {device_of(w).name}, x on {device.name}; expected "
                        f"both on one device")
    if tuple(w.shape) != (n_rows, 1):
        raise DataError(f"sample_weight has shape {tuple(w.shape)}; expected one weight per row, "
                        f"({n_rows},)")
    return device.reals(w[:, 0])


def rows_of(x: Any, n_features: int, name: str = "x") -> Any:
    """As `points_of`, with as many columns as a mixture has, and finite.

    Raises `DataError`, which names the first entry that is not finite.
    """
    points = points_of(x, name)
    if points.shape[1] != n_features:
        raise DataError(f"{name} has {points.shape[1]} columns, the mixture {n_features}; "
                        f"expected shape (n, {n_features})")
    found = first_not_finite(points)
    if found is not None:
        row, column, value = found
        raise DataError(f"{name} holds {value} at row {row}, column {column}; expected finite "
                        f"numbers")
    return points


def first_not_finite(points: Any) -> tuple[int, int, float] | None:
    """Row, column and value of the first entry of rows (n, d) that is NaN or infinite."""
    xp = device_of(points).xp
    bad = ~xp.isfinite(points)
    if not bool(xp.any(bad)):
        return None
    row = int(xp.argmax(xp.astype(xp.any(bad, axis=1), xp.int32)))
    column = int(xp.argmax(xp.astype(bad[row, :], xp.int32)))
    return row, column, float(points[row, column])


def rows_on_host(points: Any) -> NDArray[Any]:
    """A copy in NumPy's hands of rows that the host is to have, in their dtype."""
    from emix.devices.backend import on_host

    return on_host(points)


def first_different(points: Any, most: int) -> Any:
    """Rows (n, d) that differ from one another, the first of each sort, on the host: `most` of
    them at most. Each takes a pass, which is cheap where few are asked for."""
    device = device_of(points)
    xp, found = device.xp, list[Any]()
    left = xp.any(points == points, axis=1)
    while len(found) < most and bool(xp.any(left)):
        row = points[int(xp.argmax(xp.astype(left, xp.int32))), :]
        found.append(device.take([device.reals(row)])[0])
        left = left & xp.any(points != row, axis=1)
    return np.array(found).reshape(len(found), points.shape[1])


def refusal(x: Any, name: str) -> DataError:
    """What is said of an array on a device where only NumPy's will do."""
    return DataError(
        f"{name} is an array of {type(x).__module__.partition('.')[0]}; here only NumPy arrays are "
        f"worked with, and no copy is made unasked: give numpy.asarray({name}), of an array on a "
        f"GPU a copy on the host (torch: {name}.cpu(), CuPy: {name}.get())"
    )
