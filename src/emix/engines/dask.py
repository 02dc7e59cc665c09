"""Dask's collections: what they are, their parts, work on the parts in this process. The one place
that imports dask.

Nothing here is imported for anything but a collection of Dask's, or what a client of Dask's is to
work on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from emix.arrays import as_sample_weight
from emix.errors import DataError, MissingExtraError
from emix.names import listed

# Parts are kept in memory where they are no larger than this share of it.
SHARE = 0.4

# How Dask calls the scheduler of a client.
CLUSTERS = ("dask.distributed", "distributed")

# What makes a part anew: a task of Dask's with a key that no other has.
Make = Callable[[int], Any]


class Engine(Protocol):
    """Where work on the parts of a collection is done."""

    @property
    def slots(self) -> int:
        """How many tasks run at once."""
        ...

    def keep(self, n_bytes: int) -> None:
        """Keep the parts, n_bytes in all, in memory from now on, where they fit."""
        ...

    def each(
        self, work: Callable[..., Any], arguments: Mapping[int, Sequence[Any]]
    ) -> list[Any]:
        """work(part, *arguments[number]) for each of the parts that are named, in their order."""
        ...


def dask() -> Any:
    """The package, with the parts that collections need; raises `MissingExtraError`."""
    try:
        import dask.array
        import dask.base
        import dask.delayed
    except ImportError as reason:
        raise MissingExtraError("dask", "dask", "reading a collection of Dask's") from reason
    return dask


def is_collection(x: object) -> bool:
    """Whether x is an array or a frame of Dask's; does not import it."""
    return is_array(x) or is_frame(x)


def is_array(x: object) -> bool:
    return _comes_of(x, "dask.array") and hasattr(x, "chunks")


def is_frame(x: object) -> bool:
    """Whether x is a data frame or a Series of Dask's."""
    return _comes_of(x, "dask.dataframe") and hasattr(x, "npartitions")


def _comes_of(x: object, package: str) -> bool:
    return any(f"{base.__module__}.".startswith(f"{package}.") for base in type(x).__mro__)


def delayed(work: Callable[..., Any], *arguments: Any) -> Any:
    """A task under a key of its own."""
    return dask().delayed(work, pure=False)(*arguments)


def parts_of(x: Any) -> list[Any]:
    """The parts of an array's rows or of a frame, in order, each a task."""
    if is_array(x):
        return list(_in_whole_rows(x).to_delayed().reshape(-1))
    return list(x.to_delayed())


def _in_whole_rows(x: Any) -> Any:
    """An array divided by rows alone."""
    return x if x.ndim == 1 or x.numblocks[1] == 1 else x.rechunk({1: -1})


def row_counts(x: Any) -> list[int] | None:
    """How many rows each part has, where that is known."""
    if not is_array(x):
        return None
    counts = x.chunks[0]
    return None if any(count != count for count in counts) else [int(count) for count in counts]


def rows_as_in(x: Any) -> Any:
    """A frame or Series in memory, with a few rows made up, that is otherwise like x."""
    import dask.dataframe.utils

    made_up: Any = dask.dataframe.utils
    return made_up.meta_nonempty(x._meta)


def chosen(x: Any, positions: Sequence[int]) -> Any:
    """Some columns of a frame, so that no others are read; a Series is its only column."""
    return x if x.ndim == 1 else x[[x.columns[j] for j in positions]]


def by_name(x: Any, names: Iterable[str]) -> Any:
    """The columns of a frame that have these names; an array, which has no names, as it is.

    Raises `DataError` for a name that is not there.
    """
    if is_array(x):
        return x
    missing = [name for name in names if name not in x.columns]
    if missing:
        raise DataError(f"the frame has no column {listed(missing)}; it has "
                        f"{listed(list(map(str, x.columns)))}")
    return x[list(names)]


def beside(x: Any, column: Any) -> list[Any]:
    """The parts of a column of Dask's, or of an array in memory, that belong to those of x.

    Raises `DataError` where they do not fit together.
    """
    counts = row_counts(x)
    if is_array(column):
        known = row_counts(column)
        if counts is not None and known is not None and known != counts:
            if sum(known) != sum(counts):
                raise DataError(f"sample_weight has {sum(known)} values; expected one weight per "
                                f"row, ({sum(counts)},)")
            column = column.rechunk((tuple(counts),))
    elif not is_frame(column):
        if counts is None:
            raise DataError("sample_weight lies in memory, and how the rows of x lie in its parts "
                            "is not known; give an array or a Series of Dask's, or a column's name")
        column = dask().array.from_array(as_sample_weight(column, sum(counts)), (tuple(counts),))
    parts, wanted = parts_of(column), len(parts_of(x))
    if len(parts) != wanted:
        raise DataError(f"sample_weight comes in {len(parts)} parts, x in {wanted}; divide one as "
                        f"the other is")
    return parts


def mapped(x: Any, work: Callable[[Any], Any]) -> Any:
    """work(rows) of every part of the rows, lazily, as an array of Dask's: (n,), or (n, m); it is
    tried at once on a row made up, and raises what it raises of that."""
    tried = work(rows_as_in(x) if is_frame(x) else np.zeros((1, *x.shape[1:]), x.dtype))
    meta = tried[:0]
    each = _Each(work, meta)
    if is_frame(x):
        return x.map_partitions(each, meta=meta)
    whole = _in_whole_rows(x)
    told: dict[str, Any] = {"meta": meta, "token": getattr(work, "__name__", "emix")}
    if meta.ndim == 1:
        return whole.map_blocks(each, drop_axis=[1] if whole.ndim == 2 else None, **told)
    if whole.ndim == 1:
        told["new_axis"] = 1
    return whole.map_blocks(each, chunks=(whole.chunks[0], meta.shape[1:]), **told)


def mapped_frame(x: Any, work: Callable[[Any], Any]) -> Any:
    """work(frame) of every part of a frame, lazily; tried at once on a few rows made up."""
    meta = work(rows_as_in(x)).iloc[:0]
    return x.map_partitions(_Each(work, meta), meta=meta)


@dataclass(frozen=True, slots=True)
class _Each:
    """Work on a part, of which one without rows makes nothing."""

    work: Callable[[Any], Any]
    nothing: Any

    def __call__(self, part: Any) -> Any:
        return self.work(part) if len(part) else self.nothing


class Here:
    """Work in this process, by whichever of Dask's local schedulers is chosen: mostly threads."""

    def __init__(self, make: Make, n_parts: int, memory: int, slots: int) -> None:
        self._make, self._n_parts, self._memory, self.slots = make, n_parts, memory, slots
        self._kept: list[Any] | None = None

    def keep(self, n_bytes: int) -> None:
        if self._kept is None and n_bytes <= SHARE * self._memory:
            made = map(self._make, range(self._n_parts))
            self._kept = list(dask().persist(*made, scheduler=_scheduler_here()))

    def each(
        self, work: Callable[..., Any], arguments: Mapping[int, Sequence[Any]]
    ) -> list[Any]:
        kept = self._kept
        tasks = [delayed(work, self._make(number) if kept is None else kept[number], *given)
                 for number, given in arguments.items()]
        return list(dask().compute(*tasks, scheduler=_scheduler_here()))


def _scheduler_here() -> str | None:
    """Threads where a client that is gone is still the scheduler of choice; else what is chosen."""
    return "threads" if dask().config.get("scheduler", None) in CLUSTERS else None
