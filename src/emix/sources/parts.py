"""Parts of collections, and files, as rows, and what is asked of them: all that workers do."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix import frames
from emix.arrays import Block, Place, as_points, as_sample_weight
from emix.engines.traffic import unpacked
from emix.errors import DataError
from emix.sources.files import File, open_these
from emix.sources.protocol import block_rows, merge

if TYPE_CHECKING:
    from emix.arrays import Floats, Order, Points

    # Rows and their weights, as they lie on a worker: what Dask knows the size of.
    Part = tuple[Points, Floats | None]


@dataclass(frozen=True, slots=True)
class ReadArray:
    """A chunk of an array as rows."""

    dtype: np.dtype[np.floating]
    n_features: int
    has_weight: bool = False

    def __call__(self, chunk: Any, weight: Any, part: int) -> Part:
        if len(chunk) == 0:
            return _nothing(self, weight is not None)
        points = np.ascontiguousarray(as_points(np.asarray(chunk)), self.dtype)
        return points, _weight_of(weight, len(points), part)


@dataclass(frozen=True, slots=True)
class ReadFrame:
    """A part of a frame as rows: its first columns, and the weights if they are its last one."""

    dtype: np.dtype[np.floating]
    n_features: int
    has_weight: bool

    def __call__(self, frame: Any, weight: Any, part: int) -> Part:
        if len(frame) == 0:
            return _nothing(self, self.has_weight or weight is not None)
        try:
            opened = frames.opened(frame)
            assert opened is not None
            points = frames.points(opened, range(self.n_features), chosen=True)
            if self.has_weight:
                weight = frames.points(opened, [self.n_features], "sample_weight")
        except DataError as reason:
            raise DataError(f"part {part}: {reason}") from None
        return np.ascontiguousarray(points, self.dtype), _weight_of(weight, len(points), part)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file as rows."""

    dtype: np.dtype[np.floating]
    names: tuple[str, ...]
    weight: str | None

    @property
    def n_features(self) -> int:
        return len(self.names)

    @property
    def has_weight(self) -> bool:
        return self.weight is not None

    def __call__(self, file: File, _: None, part: int) -> Part:
        rows = open_these([file], file.path, self.weight, list(self.names)).whole(sys.maxsize)
        assert rows is not None
        return np.ascontiguousarray(rows.points, self.dtype), rows.sample_weight


Read = ReadArray | ReadFrame | ReadFile


def _weight_of(weight: Any, n_rows: int, part: int) -> Floats | None:
    if weight is None:
        return None
    try:
        return as_sample_weight(weight, n_rows)
    except DataError as reason:
        raise DataError(f"part {part}: {reason}") from None


def _nothing(read: Read, is_weighted: bool) -> Part:
    return np.zeros((0, read.n_features), read.dtype), np.zeros(0) if is_weighted else None


def map_part(
    part: Part, sent: bytes, where: tuple[str, int], names: tuple[str, ...]
) -> tuple[int, Any]:
    """The number of rows of a part, and what a map makes of them, in blocks as of an array."""
    points, weight = part
    if len(points) == 0:
        return 0, None
    map_block = unpacked(sent)
    block = Block(points, weight, Place(((0, *where),), names))
    n_rows = block_rows(block.n_features)
    blocks = [block] if block.n_rows <= n_rows else [
        block.rows(start, start + n_rows) for start in range(0, block.n_rows, n_rows)]
    return block.n_rows, merge(map(map_block, blocks), None)


def rows_of(part: Part, rows: Order | None) -> Part:
    """Some rows of a part, all for None."""
    points, weight = part
    if rows is None:
        return part
    return points[rows], None if weight is None else weight[rows]


def count_of(part: Part) -> int:
    """How many rows a part has."""
    return len(part[0])
