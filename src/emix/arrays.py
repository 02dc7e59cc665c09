"""Arrays as the rest of emix expects them, and the internal units that fits are made in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emix.devices import is_on_device, refusal
from emix.errors import DataError, ParameterError

Floats = NDArray[np.float64]
Points = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]
Order = NDArray[np.intp]

LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows of a block lie, for messages: runs of rows, each with its first row in the
    block, what it is part of ("" for the data as such), and the number of its first row there; and
    the names of columns, where they have some."""

    runs: tuple[tuple[int, str, int], ...]
    names: tuple[str, ...] = ()

    @classmethod
    def whole(cls, names: tuple[str, ...] = ()) -> Place:
        """That of all rows."""
        return cls(((0, "", 0),), names)

    def after(self, start: int) -> Place:
        """That of the rows from `start` on."""
        last = max(i for i, run in enumerate(self.runs) if run[0] <= start)
        first, part, row = self.runs[last]
        later = ((begin - start, *where) for begin, *where in self.runs[last + 1:])
        return Place(((0, part, row + start - first), *later), self.names)  # type: ignore[arg-type]

    def moved(self, by: int) -> list[tuple[int, str, int]]:
        """The runs, where so many rows come before them in a block."""
        return [(begin + by, part, row) for begin, part, row in self.runs]

    def of_row(self, row: int) -> str:
        """Where a row of the block lies, in words."""
        first, part, number = max(run for run in self.runs if run[0] <= row)
        return f"{part}{', ' * bool(part)}row {number + row - first}"

    def of_column(self, column: int) -> str:
        return f"column {self.names[column]!r}" if self.names else f"column {column}"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Rows of data: points (n, d) in float32 or float64, their weights (n,) if any, and where they
    lie, unless they are all there are. NumPy's arrays, or both of another library on one device
    (see `emix.devices`).

    A weight counts as repetition: a row of weight 3 is three equal rows, one of weight 0 none.
    """

    points: Points
    sample_weight: Floats | None = None
    place: Place | None = None

    @property
    def n_rows(self) -> int:
        return int(self.points.shape[0])

    @property
    def n_features(self) -> int:
        return int(self.points.shape[1])

    @classmethod
    def joined(cls, blocks: Sequence[Block], place: Place | None = None) -> Block:
        """The rows of several blocks, one after the other, in memory."""
        weights = [each.sample_weight for each in blocks if each.sample_weight is not None]
        return cls(np.concatenate([each.points for each in blocks]),
                   np.concatenate(weights) if weights else None, place)

    def rows(self, start: int, stop: int) -> Block:
        """The rows from `start` up to `stop`, without copying."""
        weight, place = self.sample_weight, self.place
        # The array API standard knows no slice beyond the end.
        stop = min(stop, self.n_rows)
        return Block(self.points[start:stop, :], None if weight is None else weight[start:stop],
                     None if place is None else place.after(start))


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Internal units, z = (x − shift) · scale per column, both of shape (d,).

    Scales are powers of two, so that scaling is exact; subtracting the shift rounds once, to the
    nearest double. Nothing that emix decides may depend on the units of the data, and in these
    units it cannot: every column has a standard deviation between 0.7 and 1.4.
    """

    shift: Floats
    scale: Floats

    @classmethod
    def of_spread(cls, centre: Floats, sd: Floats, together: bool = False) -> Units:
        """Units in which data about `centre` with standard deviation `sd` is standardised.

        With `together` all columns are scaled alike, by their root mean square: what spherical
        structures and those of a common orientation describe does not survive anything else.
        """
        if together and len(sd) > 1:
            largest = float(np.max(sd))
            rms = largest * math.sqrt(float(np.mean((sd / largest) ** 2))) if largest > 0 else 0.0
            return cls(np.asarray(centre, float), np.full(len(sd), 2.0 ** _exponent(rms)))
        scale = [2.0 ** _exponent(s) for s in sd]
        return cls(np.asarray(centre, float), np.array(scale))

    @classmethod
    @cache
    def identity(cls, n_features: int) -> Units:
        """Units that change nothing."""
        return cls(frozen(np.zeros(n_features)), frozen(np.ones(n_features)))

    @property
    def log_jacobian(self) -> float:
        """log |dz/dx|: what a log-density in internal units lacks per point to one in x."""
        return sum(map(math.log, self.scale.tolist()))

    def inward(self, x: Points) -> Floats:
        """Data to internal units."""
        z: Floats = (np.asarray(x, np.float64) - self.shift) * self.scale
        return z

    def outward(self, z: Floats) -> Floats:
        """Internal units to data."""
        return z / self.scale + self.shift


def _exponent(sd: float) -> int:
    """The e for which sd · 2ᵉ lies between 1/√2 and √2; 0 where sd says nothing."""
    if not 0 < sd < math.inf:
        return 0
    mantissa, exponent = math.frexp(sd)
    # 2**1023 is the largest power of two there is; data spread less than that needs no more.
    return max(min((1 if mantissa < math.sqrt(0.5) else 0) - exponent, 1023), -1022)


def as_points(x: object, name: str = "x") -> Points:
    """Data as an (n, d) array of float32 or float64, copied only where it must be.

    One column may come as (n,). float32 and float64 stay what they are; integers, booleans and
    float16 become float64; data frames and Series are read as `frames.points` does.

    Raises `DataError` when x is empty, has more than two axes, or does not hold real numbers, and
    for a frame also when a value is missing or infinite (with the name of its column).
    """
    if is_on_device(x):
        raise refusal(x, name)
    if not isinstance(x, np.ndarray) or x.dtype == object:
        # Imported here: `import emix` should cost little more than `import numpy`.
        from emix import frames

        frame = frames.opened(x, name)
        if frame is not None:
            return frames.points(frame, name=name)
        x = _from_foreign(x, name)
    if isinstance(x, np.ma.MaskedArray):
        x = _unmasked(x, name)
    if x.dtype.kind not in "fiub" or x.dtype.itemsize > 8:
        raise DataError(
            f"{name} has dtype {x.dtype}, which does not hold real numbers in double precision; "
            f"convert it first, for example with {name}.astype(float)"
        )
    if x.dtype.kind != "f" or x.dtype.itemsize == 2:
        x = x.astype(np.float64)
    elif not x.dtype.isnative:
        x = x.astype(x.dtype.newbyteorder("="))
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2:
        raise DataError(f"{name} has {x.ndim} axes; expected one column (n,) or a table (n, d)")
    if x.shape[0] == 0 or x.shape[1] == 0:
        raise DataError(f"{name} is empty (shape {x.shape}); at least one row is needed")
    return x


def _unmasked(x: np.ma.MaskedArray[Any, Any], name: str) -> NDArray[Any]:
    if np.ma.is_masked(x):
        where = tuple(int(i) for i in np.argwhere(np.ma.getmaskarray(x))[0])
        raise DataError(f"{name} is masked at {list(where)}, and missing values are not supported: "
                        f"drop those rows first")
    return np.asarray(x)


def _from_foreign(x: object, name: str) -> NDArray[Any]:
    from emix import frames

    if isinstance(x, str | bytes) or x is None:
        raise DataError(f"{name} is {x!r}; expected numbers: an array, a Series or a data frame")
    try:
        array = np.asarray(x)
    except (ValueError, TypeError) as reason:
        raise DataError(f"{name} cannot be read as an array of numbers: {reason}") from None
    if array.dtype != object:
        return array
    # A list of Python numbers, None among them, is numbers all the same.
    floats = frames.floats_of_objects(array)
    if floats is None:
        wrong = next((cell for cell in array.flat if not frames.is_number(cell)), "too large a one")
        raise DataError(f"{name} holds {wrong!r:.80}, which is not a number in double precision; "
                        f"expected numbers: an array, a Series or a data frame")
    return floats


def as_sample_weight(weight: object, n_rows: int) -> Floats:
    """Row weights as (n,) float64; their values are checked where the data is first read.

    Raises `DataError` when there is not one number per row.
    """
    w = as_points(weight, "sample_weight")
    if w.shape != (n_rows, 1):
        raise DataError(
            f"sample_weight has shape {w.shape}; expected one weight per row, ({n_rows},)"
        )
    return np.ascontiguousarray(w[:, 0], dtype=np.float64)


def as_components(value: object, k: int, name: str) -> Floats:
    """A hyperparameter as (k,) float64: one number for all components or one for each.

    NaN is allowed and means "learn this one". Raises `ParameterError` otherwise.
    """
    try:
        array = np.array(value)
        if array.dtype.kind not in "fiu":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise ParameterError(
            f"{name}={value!r} is not numbers; give one for all components or a list of {k}, "
            f"with nan where it is to be learned"
        ) from None
    if array.ndim > 1 and array.size == len(array):
        array = array.reshape(-1)
    if array.ndim == 0:
        array = np.full(k, float(array))
    if array.shape != (k,):
        raise ParameterError(f"{name} has shape {array.shape}; expected {k} numbers, one for each "
                             f"component")
    if np.isinf(array).any():
        raise ParameterError(f"{name} holds an infinite value at component "
                             f"{int(np.flatnonzero(np.isinf(array))[0])}")
    return array


def as_columns(value: object, n_features: int, name: str) -> Floats:
    """One finite number for each column, (d,), from a number for all of them or a list.

    Raises `ParameterError` otherwise.
    """
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.ndim == 0:
        array = np.full(n_features, float(array))
    if array.shape != (n_features,) or not np.isfinite(array).all():
        raise ParameterError(f"{name}={value!r}; expected a finite number, or one for each of "
                             f"{n_features} columns")
    return array


def frozen(array: Floats) -> Floats:
    """The same array, made read-only: what a value hands out cannot be changed under it."""
    array.setflags(write=False)
    return array


def is_whole(number: object, least: int) -> bool:
    """Whether it is an integer, not a boolean, and at least `least`."""
    whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    return bool(whole and number >= least)  # type: ignore[operator]


def as_seed(seed: object) -> int:
    """A 64-bit integer from an int, None (0), or a NumPy Generator (which is advanced).

    Raises `ParameterError` for anything else.
    """
    if seed is None:
        return 0
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0:
        return int(seed) & 0xFFFF_FFFF_FFFF_FFFF
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**63))
    raise ParameterError(f"seed={seed!r}; expected a non-negative integer or a numpy Generator")
