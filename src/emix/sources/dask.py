"""Dask's arrays and frames as a source: on a cluster where there is a client, else in this process.

The parts of the collection are the blocks, and merge in their order: who had them, and who was
done first, changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix import frames
from emix.arrays import Block, as_points
from emix.engines import dask as engine
from emix.engines.distributed import Cluster, client_here
from emix.engines.traffic import packed
from emix.names import default_names
from emix.sources.choosing import position_of, positions_of
from emix.sources.files import files_of, open_files
from emix.sources.parquet import ParquetFiles
from emix.sources.parts import (
    Read,
    ReadArray,
    ReadFile,
    ReadFrame,
    count_of,
    map_part,
    rows_of,
)
from emix.sources.protocol import M, merge, sampled_rows
from emix.sources.several import with_threads

if TYPE_CHECKING:
    from emix.arrays import Order
    from emix.engines.dask import Engine, Make


class DaskSource:
    """Rows in parts, each of which a task reads; see `Source`.

    Parts stay in memory, on a cluster on the workers that read them, where they are no more than
    0.4 of it; else every pass reads them anew.
    """

    def __init__(
        self, work: Engine, dtype: np.dtype[np.floating], names: tuple[str, ...], n_features: int,
        is_weighted: bool, counts: Sequence[int] | None, n_parts: int,
    ) -> None:
        self._work, self.dtype, self.names, self.n_features = work, dtype, names, n_features
        self._is_weighted, self._n_parts = is_weighted, n_parts
        self._counts = None if counts is None else list(counts)

    @property
    def column_names(self) -> tuple[str, ...]:
        return self.names or default_names(self.n_features)

    @property
    def n_rows(self) -> int:
        return sum(self._known_counts())

    def reduce(self, map_block: Callable[[Block], M], zero: M) -> M:
        self._keep()
        threads = max(self._work.slots // self._n_parts, 1)
        sent = _sent(with_threads(map_block, threads))
        found = self._work.each(map_part, {
            part: (sent, where, self.names) for part, where in enumerate(self._places())
        })
        if self._counts is None:
            self._counts = [count for count, _ in found]
        merged: M = merge((value for count, value in found if count), zero)
        return merged

    def sample(self, n: int, seed: int) -> Block:
        counts = self._known_counts()
        if sum(counts) <= n:
            return self._rows({part: None for part, count in enumerate(counts) if count})
        rows = sampled_rows(sum(counts), n, seed)
        starts = np.concatenate([[0], np.cumsum(counts)])
        ends = np.searchsorted(rows, starts)
        return self._rows({
            part: rows[ends[part]:ends[part + 1]] - starts[part]
            for part in range(len(counts)) if ends[part] < ends[part + 1]
        })

    def whole(self, most: int) -> Block | None:
        counts = self._known_counts()
        if sum(counts) > most:
            return None
        return self._rows({part: None for part, count in enumerate(counts) if count})

    def _rows(self, wanted: dict[int, Order | None]) -> Block:
        parts = self._work.each(rows_of, {part: (rows,) for part, rows in wanted.items()})
        return Block.joined([Block(*rows) for rows in parts])

    def _known_counts(self) -> list[int]:
        if self._counts is None:
            self._counts = self._work.each(count_of, dict.fromkeys(range(self._n_parts), ()))
        return self._counts

    def _places(self) -> list[tuple[str, int]]:
        """Where the first row of each part lies: in the data, or in a part whose number is said."""
        if self._counts is None:
            return [(f"part {part}", 0) for part in range(self._n_parts)]
        starts = np.concatenate([[0], np.cumsum(self._counts)])[:-1]
        return [("", int(start)) for start in starts]

    def _keep(self) -> None:
        if self._counts is not None:
            row = self.n_features * self.dtype.itemsize + 8 * self._is_weighted
            self._work.keep(sum(self._counts) * row)


def open_collection(
    x: Any, sample_weight: object = None, columns: list[str | int] | None = None
) -> DaskSource:
    """A source over an array of Dask's, (n,) or (n, d), a frame or a Series.

    Columns and `sample_weight` are as of `opening.open_source`; weights may also be a column of
    Dask's, in parts as x is. Nothing is read yet. Raises `DataError` for what is known by then not
    to be numbers, and `ParameterError`.
    """
    if engine.is_array(x):
        return _of_array(x, columns, sample_weight)
    return _of_frame(x, columns, sample_weight)


def _of_array(x: Any, columns: list[str | int] | None, sample_weight: object) -> DaskSource:
    # What a row of it would be says whether it can be data, and of what type.
    row = as_points(np.zeros((1, *x.shape[1:]), x.dtype))
    names = default_names(row.shape[1])
    at = position_of(sample_weight, names) if isinstance(sample_weight, str) else None
    chosen, table = positions_of(columns, names, at), x if x.ndim == 2 else x[:, None]
    weights = None
    if at is not None:
        weights = engine.beside(x, table[:, at])
    elif sample_weight is not None:
        weights = engine.beside(x, sample_weight)
    if len(chosen) < row.shape[1] or chosen != sorted(chosen):
        x = table[:, chosen]
    read = ReadArray(row.dtype, len(chosen))
    given = tuple(names[j] for j in chosen) if columns is not None else ()
    return _of_parts(x, weights, read, given)


def _of_frame(x: Any, columns: list[str | int] | None, sample_weight: object) -> DaskSource:
    frame = frames.opened(engine.rows_as_in(x))
    assert frame is not None
    at = position_of(sample_weight, frame.names) if isinstance(sample_weight, str) else None
    chosen = positions_of(columns, frame.names, at)
    weights = None
    if at is None and sample_weight is not None:
        weights = engine.beside(x, sample_weight)
    dtype = frames.points(frame, chosen, chosen=columns is not None).dtype
    if at is not None:
        frames.points(frame, [at], "sample_weight")
    wanted = [*chosen, *([] if at is None else [at])]
    read = ReadFrame(dtype, len(chosen), at is not None)
    names = tuple(frame.names[j] for j in chosen)
    return _of_parts(engine.chosen(x, wanted), weights, read, names)


def open_paths(
    x: Sequence[Any], sample_weight: str | None = None, columns: object = None
) -> DaskSource:
    """A source over files that the workers of the client here read, each whole; see `open_files`
    for what may be listed. The files have to lie where workers find them, too."""
    seen = open_files(x, sample_weight, columns)
    read = ReadFile(seen.dtype, seen.column_names, sample_weight)
    files, counts = files_of(x)[1], None
    if isinstance(seen, ParquetFiles):
        known = seen.file_counts()
        files = [file for file in files if known[file.path]]
        counts = [known[file.path] for file in files]

    def make(part: int) -> Any:
        return engine.delayed(read, files[part], None, part)

    return _of_tasks(make, len(files), [], read, seen.column_names, counts)


def _of_parts(
    x: Any, weights: list[Any] | None, read: Read, names: tuple[str, ...]
) -> DaskSource:
    parts = engine.parts_of(x)
    beside = [None] * len(parts) if weights is None else weights

    def make(part: int) -> Any:
        return engine.delayed(read, parts[part], beside[part], part)

    return _of_tasks(make, len(parts), [x], read, names, engine.row_counts(x), weights is not None)


def _of_tasks(
    make: Make, n_parts: int, collections: Sequence[Any], read: Read, names: tuple[str, ...],
    counts: Sequence[int] | None, is_weighted: bool = False,
) -> DaskSource:
    client = client_here()
    work: Engine = engine.Here(make, n_parts, _memory(), os.cpu_count() or 1) \
        if client is None else Cluster.of(client, make, n_parts, collections)
    return DaskSource(work, read.dtype, names, read.n_features, read.has_weight or is_weighted,
                      counts, n_parts)


def _memory() -> int:
    """Bytes of memory that this machine has; 0 where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _sent(map_block: Callable[[Block], Any]) -> bytes:
    """A map as it goes to the workers: bytes, once, and not once for each part."""
    return packed(map_block)


