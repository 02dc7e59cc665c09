"""An array of another library, on whatever device it is: read there, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Block, Place, as_sample_weight
from emix.devices import device_of, is_on_device, points_of, rows_on_host, weight_of
from emix.names import default_names
from emix.sources.choosing import position_of, positions_of, wanted_columns
from emix.sources.protocol import M, block_rows, merge, sampled_rows

if TYPE_CHECKING:
    from emix.devices import Device


@dataclass(frozen=True, slots=True, eq=False)
class DeviceSource:
    """Points (n, d) of a library of the array API standard and, if weighted, weights (n,) beside
    them on the device.

    What is mapped computes there; of a block only sums come to the host. Rows come when a sample is
    asked for, and no others: of an array that is no longer than a sample those are all of it.
    """

    points: Any
    sample_weight: Any = None
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, x: Any, sample_weight: object = None, columns: object = None) -> DeviceSource:
        """From an array (n,) or (n, d), and weights there or on the host; `columns` by index, or
        as they are called, x or x1 to xd.

        Raises `DataError` when x or the weights are not such, `MissingExtraError` without the extra
        `devices`.
        """
        points = points_of(x)
        names, device = default_names(points.shape[1]), device_of(points)
        at = position_of(sample_weight, names) if isinstance(sample_weight, str) else None
        positions = positions_of(wanted_columns(columns), names, at)
        weight: Any = sample_weight if at is None else points[:, at]
        if weight is not None and not is_on_device(weight):
            weight = device.put(as_sample_weight(weight, points.shape[0]))
        elif weight is not None:
            weight = weight_of(weight, device, points.shape[0])
        if positions != list(range(len(names))):
            points = device.taken(points, positions, axis=1)
        return cls(points, weight, tuple(names[j] for j in positions))

    @property
    def device(self) -> Device:
        return device_of(self.points)

    @property
    def column_names(self) -> tuple[str, ...]:
        return self.names or default_names(self.n_features)

    @property
    def n_rows(self) -> int:
        return int(self.points.shape[0])

    @property
    def n_features(self) -> int:
        return int(self.points.shape[1])

    @property
    def dtype(self) -> np.dtype[np.floating]:
        return np.dtype(np.float32 if "float32" in str(self.points.dtype) else np.float64)

    def reduce(self, map_block: Callable[[Block], M], zero: M) -> M:
        return merge(map(map_block, self._blocks()), zero)

    def _blocks(self) -> Iterator[Block]:
        whole = Block(self.points, self.sample_weight, Place.whole())
        n_rows = block_rows(self.n_features)
        for start in range(0, self.n_rows, n_rows):
            yield whole.rows(start, start + n_rows)

    def sample(self, n: int, seed: int) -> Block:
        """The rows of `sampled_rows`, on the host."""
        points, weight = self.points, self.sample_weight
        if self.n_rows > n:
            rows = sampled_rows(self.n_rows, n, seed).tolist()
            points = self.device.taken(points, rows)
            weight = None if weight is None else self.device.taken(weight, rows)
        return Block(rows_on_host(points), None if weight is None else
                     np.asarray(rows_on_host(weight), np.float64))

    def whole(self, most: int) -> Block | None:
        """None: they are fitted where they live."""
        return None
