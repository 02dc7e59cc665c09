"""From what a user has to a source, and the names of its columns."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from glob import has_magic
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from emix.arrays import as_points
from emix.datasets import Dataset
from emix.devices import is_on_device, refusal
from emix.engines import dask, spark
from emix.errors import DataError, ParameterError
from emix.names import default_names
from emix.sources.array import ArraySource
from emix.sources.choosing import position_of, positions_of, wanted_columns
from emix.sources.device import DeviceSource
from emix.sources.files import IN_MEMORY, PARQUET, STRICT, is_paths, open_files
from emix.sources.mapped import open_mapped, open_npy
from emix.sources.protocol import block_rows

if TYPE_CHECKING:
    from emix.arrays import Points
    from emix.sources.protocol import Source
    from emix.sources.streamed import Streamed

    # Positions of columns, and what errors call them, to the rows (n, d) of those columns.
    Take = Callable[[Sequence[int], str], Points]


def open_source(
    x: object, sample_weight: object = None, columns: object = None
) -> tuple[ArraySource, tuple[str, ...]]:
    """A source over x, its rows in C order, and the names (d,) of its columns.

    x is an array, a list, a Series, a data frame, a bundled data set, an `ArraySource`, a path to
    a CSV or TSV file or an open stream of one. Columns without names are called x, or x1 to xd.

    `columns` chooses some, in that order: a name or a list of names, or of indices from 0 where x
    is an array. `sample_weight` is one weight per row, or the name of a column, which then is not
    data. Without `columns` all others are data, and must hold numbers.

    Raises `DataError` when x cannot be read as numbers or has no such column, and `ParameterError`
    for a choice that has no meaning.

    >>> source, names = open_source([[1.0, 2.0], [3.0, 5.0]], columns=["x2"])
    >>> source.points.tolist(), names
    ([[2.0], [5.0]], ('x2',))
    """
    if is_on_device(x):
        raise refusal(x, "x")
    found = _elsewhere(x, sample_weight, columns, 1)
    if found is None:
        found = _in_memory(x, sample_weight, columns)
    elif not isinstance(found, ArraySource):
        if isinstance(found, DeviceSource):
            raise refusal(found.points, "x")
        rows = found.whole(IN_MEMORY // (found.n_features * found.dtype.itemsize))
        if rows is None:
            raise DataError(f"x has {found.n_rows} rows of {found.n_features} columns, more than "
                            f"the {IN_MEMORY >> 20} MiB that are held in memory for this; emix.fit "
                            f"reads them block by block; for other questions take a sample")
        found = ArraySource.of_block(rows, found.column_names)
    return found, found.column_names


def _in_memory(x: object, sample_weight: object, columns: object) -> ArraySource:
    """What is read as a whole."""
    wanted = wanted_columns(columns)
    weight_column = sample_weight if isinstance(sample_weight, str) else None
    if isinstance(x, ArraySource):
        if sample_weight is None and wanted is None:
            return x
        if sample_weight is not None and x.sample_weight is not None:
            raise DataError("the source carries its own weights; leave sample_weight out")
        sample_weight = x.sample_weight if sample_weight is None else sample_weight
    if isinstance(x, str | os.PathLike) or hasattr(x, "read"):
        source = _of_text(x, sample_weight, wanted)
    else:
        names, take = _columns_of(x, chosen=wanted is not None)
        at = None if weight_column is None else position_of(weight_column, names)
        positions = positions_of(wanted, names, at)
        weight = sample_weight if at is None else take([at], "sample_weight")
        points, chosen = take(positions, "x"), tuple(names[j] for j in positions)
        source = ArraySource.of(points, weight, chosen)
    return source


def open_rows(
    x: object, sample_weight: object = None, columns: object = None, threads: int = 1
) -> tuple[Source, tuple[str, ...]]:
    """As `open_source`, and whatever else rows can be read from that need not be in memory: any
    `Source`; a function that returns blocks of rows on every call (see `BlocksSource`); files, a
    folder, a pattern or a list of paths of Parquet or delimited text (see `files.open_files`); an
    array that is mapped, or the path of one; a lazy frame of polars; whatever gives Arrow streams;
    an array or a frame of Dask's, or a frame of Spark's. Where there is a client of Dask's, its
    workers read a list of paths.

    What is known to be little is held in memory. An array of another library than NumPy stays
    where it is (see `DeviceSource`).
    """
    if type(x) is np.ndarray and sample_weight is None and columns is None:
        # The way of most small fits, of which the rest would be a part worth saving.
        points = np.ascontiguousarray(as_points(x))
        plain = default_names(points.shape[1])
        return ArraySource(points, None, plain), plain
    if is_on_device(x):
        there = DeviceSource.of(x, sample_weight, columns)
        return there, there.column_names
    source = _elsewhere(x, sample_weight, columns, threads)
    if source is None:
        source = _in_memory(x, sample_weight, columns)
    return source, source.column_names


def elsewhere_like(
    x: object, names: Sequence[str], sample_weight: object = None
) -> Source | None:
    """Rows of x as a model needs that was fitted to columns of these names, where they are not in
    memory; None where they are."""
    chosen = None if _are_default(names) or is_source(x) else list(names)
    found = _elsewhere(x, sample_weight, chosen, 1)
    return None if isinstance(found, ArraySource) else found


def _elsewhere(
    x: Any, sample_weight: object, columns: object, threads: int
) -> Source | None:
    """The source that x is where it is not to be read as a whole; None where it is."""
    if is_source(x) and not isinstance(x, ArraySource):
        source: Source = x
        if sample_weight is not None or columns not in (None, list(source.column_names)):
            raise ParameterError("x is a source that has its columns and weights; leave columns "
                                 "and sample_weight out")
        return source
    if dask.is_collection(x):
        from emix.sources.dask import open_collection

        return open_collection(x, sample_weight, wanted_columns(columns))
    if spark.is_frame(x):
        from emix.sources.spark import open_frame

        return open_frame(x, sample_weight, wanted_columns(columns))
    if is_paths(x):
        return _of_paths(x, sample_weight, columns, threads)
    if isinstance(x, np.memmap):
        return open_mapped(x, sample_weight, columns)
    if hasattr(x, "collect_batches"):
        from emix.sources.blocks import BlocksSource

        # A lazy frame, of which only what is asked for is to be worked out.
        names = wanted_columns(columns)
        if names is not None:
            more = [] if sample_weight is None else [sample_weight]
            x = x.select([*names, *more])
        return BlocksSource(x.collect_batches, sample_weight, columns)
    if callable(x) and not hasattr(x, "__array__"):
        from emix.sources.blocks import BlocksSource

        return BlocksSource(x, sample_weight, columns)
    if hasattr(x, "__arrow_c_stream__") and not hasattr(x, "__array__") and \
            not hasattr(x, "num_rows"):
        return _of_stream(x, sample_weight, columns)
    if isinstance(x, Iterator) and not hasattr(x, "read"):
        raise DataError(f"x is a {type(x).__name__}, which can be read only once, and a fit reads "
                        f"its rows many times; give a function that makes it anew")
    return None


def _of_paths(
    x: Any, sample_weight: object, columns: object, threads: int
) -> Source | None:
    """Rows of files, where they are no single small file of text."""
    if isinstance(x, str | os.PathLike):
        ending = os.path.splitext(os.fspath(x))[1].lower()
        if ending == ".npy":
            return open_mapped(open_npy(x), sample_weight, columns)
        few = not os.path.isdir(x) and ending not in PARQUET and \
            not (has_magic(os.fspath(x)) and not os.path.exists(x))
        if few and not (os.path.isfile(x) and os.path.getsize(x) > STRICT):
            return None
    elif "distributed" in sys.modules:
        from emix.engines.distributed import client_here

        if client_here() is not None:
            from emix.sources.dask import open_paths

            return open_paths(x, sample_weight, columns)  # type: ignore[arg-type]
    source = open_files(x, sample_weight, columns, threads)  # type: ignore[arg-type]
    return held(source, IN_MEMORY)


def _of_stream(x: Any, sample_weight: object, columns: object) -> Source:
    from emix.sources.arrow import ArrowStream, RecordBatches

    if not hasattr(x, "read_next_batch"):
        return ArrowStream(x, sample_weight, columns)
    rows = held(RecordBatches(x, sample_weight, columns), IN_MEMORY)
    if not isinstance(rows, ArraySource):
        raise DataError(f"x is a stream that can be read only once, and a fit reads its rows many "
                        f"times; it is longer than the {IN_MEMORY >> 20} MiB that are held in "
                        f"memory: write it to Parquet, or give a function that opens it anew")
    return rows


def held(source: Streamed, most: int) -> Source:
    """A source in memory where its numbers take no more than so many bytes, else as it is."""
    rows = source.whole(most // source.row_bytes)
    return source if rows is None else ArraySource.of_block(rows, source.column_names)


def settled(source: Source) -> Source:
    """What is one block at most in memory, as any array; else as it is."""
    if isinstance(source, ArraySource):
        return source
    rows = source.whole(block_rows(source.n_features))
    return source if rows is None else ArraySource.of_block(rows, source.column_names)


def is_source(x: object) -> bool:
    """Whether x can do what a `Source` can."""
    return all(hasattr(x, verb) for verb in ("reduce", "sample", "whole", "n_features"))


def rows_like(x: object, names: Sequence[str]) -> Any:
    """Rows of x as a model needs that was fitted to columns of these names (d,).

    From what has names of its own (a frame, a file, a data set, a source) the columns are chosen
    by name, in the order of `names`, and others left out; see `frames.rows_like`, also for when
    they go by position. Anything else, such as an array, comes back as it is.

    Raises `DataError` for a name that x has not, and as `open_source` does.
    """
    if isinstance(x, str | os.PathLike) or hasattr(x, "read"):
        return open_source(x, columns=None if _are_default(names) else list(names))[0].points
    if isinstance(x, Dataset | ArraySource):
        source, found = open_source(x)
        if _are_default(names) or _are_default(found):
            return source.points
        return open_source(x, columns=list(names))[0].points
    if isinstance(x, np.ndarray) or is_on_device(x) or dask.is_array(x):
        return x
    from emix import frames

    return frames.rows_like(x, names)


def _are_default(names: Sequence[str]) -> bool:
    return tuple(names) == default_names(len(names))


def _columns_of(x: object, *, chosen: bool) -> tuple[tuple[str, ...], Take]:
    """The names of the columns of x, and how to have some of them."""
    if isinstance(x, ArraySource):
        points, names = x.points, x.column_names
    elif isinstance(x, Dataset):
        points, names = x.data, x.columns
    elif isinstance(x, np.ndarray):
        points = as_points(x)
        names = default_names(points.shape[1])
    else:
        # Imported here: `import emix` should cost little more than `import numpy`.
        from emix import frames

        frame = frames.opened(x)
        if frame is not None:
            return frame.names, lambda positions, name: frames.points(
                frame, positions, name, chosen=chosen)
        points = as_points(x)
        names = default_names(points.shape[1])

    def take(positions: Sequence[int], _: str) -> Points:
        all_of_them = list(positions) == list(range(len(names)))
        return points if all_of_them else points[:, list(positions)]

    return names, take


def _of_text(x: Any, sample_weight: object, wanted: list[str | int] | None) -> ArraySource:
    from emix.sources.delimited import read_delimited

    if wanted is not None and not all(isinstance(each, str) for each in wanted):
        raise ParameterError(f"columns={wanted!r}; the columns of a file are chosen by name")
    weight = sample_weight if isinstance(sample_weight, str) else None
    path: str | IO[str] = os.fspath(x) if isinstance(x, str | os.PathLike) else x
    table = read_delimited(path, columns=None if wanted is None else list(map(str, wanted)),
                           weight=weight)
    given = table.weight if weight is not None else sample_weight
    return ArraySource.of(table.data, given, table.columns)
