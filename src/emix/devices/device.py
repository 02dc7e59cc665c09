"""A library of arrays, and the place in which it keeps some."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from emix.arrays import Units

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """What the kernel needs of a library of arrays (n, d) and of the device they are on.

    xp        the library's functions, by the names of the array API standard
    place     the device, as the library has it; None for NumPy
    real      the dtype that is computed in: float64 wherever the device has it, else float32
    position  the dtype of positions

    >>> import numpy as np
    >>> device_of(np.zeros(3)) is HOST
    True
    """

    xp: Any
    place: Any
    real: Any
    position: Any

    @property
    def name(self) -> str:
        """Library and device, as messages have them."""
        return f"{self.xp.__name__.rpartition('.')[2]} ({self.place})"

    @property
    def is_host(self) -> bool:
        return self is HOST

    @property
    def is_double(self) -> bool:
        """Whether it computes in double precision."""
        return self.is_host or bool(self.real == self.xp.float64)

    @property
    def rounding(self) -> float:
        """The relative distance of neighbouring numbers, 2⁻⁵² or 2⁻²³."""
        return float(self.xp.finfo(self.real).eps)

    def reals(self, points: Any) -> Any:
        """Rows in the dtype that is computed in, copied only where theirs is another."""
        if self.is_host:
            return np.asarray(points, dtype=np.float64)
        return self.xp.astype(points, self.real, copy=False)

    def put(self, values: Floats) -> Any:
        """A few numbers of the host, here."""
        if self.is_host:
            return values
        dtype = np.float64 if self.is_double else np.float32
        # A copy of its own: what the host goes on with may be read-only, or change.
        return self.xp.asarray(np.array(values, dtype=dtype), device=self.place)

    def take(self, arrays: Sequence[Any]) -> list[Floats]:
        """A few numbers from here to the host, as float64, in one transfer."""
        if self.is_host:
            return [np.asarray(array, np.float64) for array in arrays]
        from emix.devices.backend import on_host

        shapes = [tuple(array.shape) for array in arrays]
        flat = self.xp.concat([self.xp.reshape(array, (-1,)) for array in arrays])
        ends = np.cumsum([prod(shape) for shape in shapes])[:-1]
        parts = np.split(on_host(flat).astype(np.float64), ends)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def empty(self, *shape: int, dtype: Any = None) -> Any:
        """An array to be written to."""
        if self.is_host:
            return np.empty(shape, self.real if dtype is None else dtype)
        return self.xp.empty(shape, dtype=self.real if dtype is None else dtype,
                             device=self.place)

    def taken(self, points: Any, positions: Sequence[int], axis: int = 0) -> Any:
        """Rows, or columns, at some positions."""
        where = self.xp.asarray(np.array(positions), dtype=self.position, device=self.place)
        return self.xp.take(points, where, axis=axis)

    def stack(self, arrays: Sequence[Any]) -> Any:
        """Arrays of one shape, one above the other along a new first axis."""
        # NumPy's own `stack` takes several times as long for a few short arrays.
        return np.array(arrays) if self.is_host else self.xp.stack(arrays)

    def at_least(self, values: Any, least: float) -> Any:
        """The greater of each value and a number."""
        # NumPy's `clip` knows the standard's arguments only of late.
        return np.maximum(values, least) if self.is_host else self.xp.clip(values, min=least)

    def at_most(self, values: Any, most: float) -> Any:
        """The lesser of each value and a number."""
        return np.minimum(values, most) if self.is_host else self.xp.clip(values, max=most)

    def inward(self, points: Any, units: Units | None) -> Any:
        """Rows in internal units, or, without any, as they are; in the dtype that is computed
        in."""
        x = self.reals(points)
        return x if units is None else (x - self.put(units.shift)) * self.put(units.scale)

    def squared_lengths(self, rows: Any) -> Any:
        """Σ_j x_ij², (n, d) to (n,)."""
        if self.is_host:
            # Makes no array of squares on the way, which is half of the time in few columns.
            return np.einsum("ij,ij->i", rows, rows)
        return self.xp.vecdot(rows, rows)


HOST = Device(np, None, np.float64, np.int64)


def is_on_device(x: object) -> bool:
    """Whether x is an array of another library than NumPy, to be computed with by that library."""
    if isinstance(x, np.ndarray | np.generic):
        return False
    if hasattr(x, "__array_namespace__"):
        return True
    # torch's tensors do not say that they are arrays of the standard.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def device_of(x: Any) -> Device:
    """Where the array x lives. Raises `MissingExtraError` without the extra `devices`."""
    if isinstance(x, np.ndarray):
        return HOST
    from emix.devices import backend

    return _device(backend.namespace_of(x), backend.place_of(x))


@cache
def _device(xp: Any, place: Any) -> Device:
    about = xp.__array_namespace_info__()
    known = about.dtypes(device=place, kind="real floating")
    position = about.default_dtypes(device=place)["indexing"]
    return Device(xp, place, known.get("float64", xp.float32), position)
