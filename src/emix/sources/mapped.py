"""An array on disk, as NumPy maps it: what cannot be used as it lies is read piece by piece."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from emix.arrays import Block, Place, as_points
from emix.errors import DataError, ParameterError
from emix.names import default_names
from emix.sources.array import ArraySource
from emix.sources.choosing import position_of, positions_of, wanted_columns
from emix.sources.streamed import Pieces, Streamed

# Numbers of a piece: 1 MiB of doubles.
PIECE = 1 << 17


def open_npy(path: str | os.PathLike[str]) -> np.ndarray[Any, Any]:
    """The array of a .npy file, mapped. Raises `DataError` for what is none."""
    name = os.fspath(path)
    try:
        mapped: np.ndarray[Any, Any] = np.load(name, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{name}: does not exist; check the name and the folder it is looked for "
                        f"in") from None
    except (OSError, ValueError) as reason:
        raise DataError(f"{name}: cannot be read as an array: {reason}") from None
    return mapped


def open_mapped(
    x: np.ndarray[Any, Any], sample_weight: object = None, columns: object = None
) -> ArraySource | MappedArray:
    """A mapped array (n,) or (n, d): as it lies where its rows are floats in C order and all of
    its columns are wanted, else piece by piece."""
    plain = x.dtype.kind == "f" and x.dtype.itemsize in (4, 8) and x.dtype.isnative
    if plain and x.flags.c_contiguous and columns is None and not isinstance(sample_weight, str):
        return ArraySource.of(x, sample_weight)
    return MappedArray(x, sample_weight, columns)


class MappedArray(Streamed):
    """A mapped array of any dtype and order, some of its columns, by index or as x1 to xd."""

    def __init__(
        self, x: np.ndarray[Any, Any], sample_weight: object = None, columns: object = None
    ) -> None:
        if sample_weight is not None and not isinstance(sample_weight, str):
            raise ParameterError("sample_weight of a mapped array that is read piece by piece is "
                                 "the name of a column, x1 to xd")
        self._table = x[:, None] if x.ndim == 1 else x
        kinds = as_points(self._table[:1])
        names = default_names(self._table.shape[1])
        at = None if sample_weight is None else position_of(sample_weight, names)
        self._positions = positions_of(wanted_columns(columns), names, at)
        self._weight = at
        super().__init__("x", tuple(names[j] for j in self._positions), kinds.dtype,
                         at is not None, len(self._table))

    def pieces(self) -> Pieces:
        n_rows = max(PIECE // self._table.shape[1], 1)
        for start in range(0, len(self._table), n_rows):
            rows = np.asarray(self._table[start:start + n_rows])
            weight = None if self._weight is None else rows[:, self._weight].astype(np.float64)
            points = rows[:, self._positions].astype(self.dtype)
            yield Block(points, weight, Place(((0, "", start),), self.column_names))
