"""Parquet files: one after the other, row group by row group, of each only the chosen columns."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Place
from emix.errors import DataError
from emix.sources.arrow import Chosen, pyarrow
from emix.sources.columns import Columns
from emix.sources.streamed import Pieces, Streamed

if TYPE_CHECKING:
    from emix.sources.files import File

# Rows of a batch, and bytes that are read from a file at once.
BATCH_ROWS, BUFFER = 1 << 17, 1 << 20
# A row group of fewer bytes is read at once, perhaps while others are; a larger one batch by batch.
AT_ONCE = 1 << 25
# Row groups that are read at a time, where there are processors for it.
MOST_READERS = 4

# All of a row group, or batch by batch.
Batches = list[Columns] | Iterator[Columns]


def schema_of(path: str) -> Any:
    """The names and types of a file's columns. Raises `DataError` for what is no Parquet file."""
    arrow = pyarrow("reading Parquet")
    try:
        return arrow.parquet.read_schema(path)
    except (arrow.ArrowException, OSError) as reason:
        raise DataError(f"{path}: cannot be read as Parquet: {reason}") from None


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A row group of a file: its number there, the first row, and the bytes of chosen columns."""

    file: File
    metadata: Any
    number: int
    first: int
    size: int


class ParquetFiles(Streamed):
    """The rows of Parquet files, in the order of the files.

    Columns that folders name (`year=2026/...`) are numbers that all rows of a file share; they are
    data only where they are chosen. Raises `DataError` for what is no Parquet file, and for a file
    that lacks a column, or has it without numbers.
    """

    def __init__(
        self, files: Sequence[File], name: str, sample_weight: object = None,
        columns: object = None, threads: int = 1,
    ) -> None:
        self._readers = min(threads, MOST_READERS) if threads > 2 else 1
        self._chosen: Chosen | None = None
        self.groups: list[Group] = []
        for file in files:
            self._add(file, columns, sample_weight)
        assert self._chosen is not None
        n_rows = sum(group.metadata.row_group(group.number).num_rows for group in self.groups)
        super().__init__(name, self._chosen.names, self._chosen.dtype, sample_weight is not None,
                         n_rows)
        if n_rows == 0:
            raise DataError(f"{name} holds no rows; at least one is needed")

    def _add(self, file: File, columns: object, weight: object) -> None:
        """The row groups of one more file, of which all have the same columns."""
        arrow = pyarrow("reading Parquet")
        try:
            with arrow.parquet.ParquetFile(file.path) as opened:
                metadata, schema = opened.metadata, opened.schema_arrow
        except (arrow.ArrowException, OSError) as reason:
            raise DataError(f"{file.path}: cannot be read as Parquet: {reason}") from None
        for key, value in file.shared:
            if key not in schema.names:
                schema = schema.append(arrow.field(key, arrow.scalar(value).type))
        here = Chosen.of(schema, self._chosen.names if self._chosen else columns, weight,
                         file.path, [key for key, _ in file.shared])
        if self._chosen is None or here.dtype.itemsize > self._chosen.dtype.itemsize:
            self._chosen = here
        first = 0
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            size = sum(group.column(j).total_uncompressed_size for j in range(group.num_columns)
                       if group.column(j).path_in_schema in here.read)
            self.groups.append(Group(file, metadata, number, first, size))
            first += group.num_rows

    def file_counts(self) -> dict[str, int]:
        """How many rows each of the files has, by its path; 0 of one without row groups."""
        counts: Counter[str] = Counter()
        for group in self.groups:
            counts[group.file.path] += group.metadata.row_group(group.number).num_rows
        return counts

    def pieces(self) -> Pieces:
        for blocks in in_order(self.groups, self._read, self._readers):
            yield from blocks

    def _read(self, group: Group) -> Batches:
        return self._batches(group) if group.size > AT_ONCE else list(self._batches(group))

    def _batches(self, group: Group) -> Iterator[Columns]:
        arrow, chosen = pyarrow("reading Parquet"), self._chosen
        assert chosen is not None
        shared = dict(group.file.shared)
        inside = [name for name in chosen.read if name not in shared]
        part, row = f"{group.file.path}, row group {group.number}", group.first
        try:
            with arrow.parquet.ParquetFile(
                group.file.path, metadata=group.metadata, buffer_size=BUFFER, pre_buffer=False
            ) as opened:
                for batch in opened.iter_batches(BATCH_ROWS, [group.number], inside,
                                                 use_threads=False):
                    place = Place(((0, part, row),), chosen.names)
                    yield chosen.of_batch(_with(batch, shared, chosen, arrow), place)
                    row += batch.num_rows
        except (arrow.ArrowException, OSError) as reason:
            raise DataError(f"{part}: cannot be read: {reason}") from None


def _with(batch: Any, shared: dict[str, float | int], chosen: Chosen, arrow: Any) -> Any:
    """A batch with the columns that its file's folders name."""
    for key in set(chosen.read) & set(shared):
        values = np.full(batch.num_rows, shared[key])
        batch = batch.append_column(key, arrow.array(values))
    return batch


def in_order(
    groups: Sequence[Group], read: Callable[[Group], Batches], readers: int
) -> Iterator[Batches]:
    """What is read of each group, in their order, several of them at a time."""
    if readers == 1:
        yield from map(read, groups)
        return
    pool = ThreadPoolExecutor(readers, thread_name_prefix="emix-reader")
    coming: deque[Future[Batches]] = deque()
    try:
        for group in groups:
            coming.append(pool.submit(read, group))
            if len(coming) > readers:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


