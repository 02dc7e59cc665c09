"""From what a user has to a source, and the names of its columns."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from emix.arrays import as_points
from emix.datasets import Dataset
from emix.errors import DataError, ParameterError
from emix.names import default_names, listed, near
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.arrays import Points
    from emix.sources.protocol import Source

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
    wanted = _wanted(columns)
    weight_column = sample_weight if isinstance(sample_weight, str) else None
    if isinstance(x, ArraySource):
        if sample_weight is None and wanted is None:
            return x, x.column_names
        if sample_weight is not None and x.sample_weight is not None:
            raise DataError("the source carries its own weights; leave sample_weight out")
        sample_weight = x.sample_weight if sample_weight is None else sample_weight
    if isinstance(x, str | os.PathLike) or hasattr(x, "read"):
        source = _of_text(x, sample_weight, wanted)
    else:
        names, take = _columns_of(x, chosen=wanted is not None)
        at = None if weight_column is None else _position(weight_column, names)
        positions = _positions(wanted, names, at)
        weight = sample_weight if at is None else take([at], "sample_weight")
        points, chosen = take(positions, "x"), tuple(names[j] for j in positions)
        source = ArraySource.of(points, weight, chosen)
    return source, source.column_names


def open_rows(
    x: object, sample_weight: object = None, columns: object = None
) -> tuple[Source, tuple[str, ...]]:
    """As `open_source`, and whatever else rows can be read from that need not be in memory: any
    `Source`, and a function that returns blocks of rows on every call (see `BlocksSource`)."""
    if is_source(x) and not isinstance(x, ArraySource):
        if sample_weight is not None or columns is not None:
            raise ParameterError("x is a source that has its columns and weights; leave columns "
                                 "and sample_weight out")
        source: Source = x  # type: ignore[assignment]
        return source, source.column_names
    if callable(x) and not hasattr(x, "__array__"):
        from emix.sources.blocks import BlocksSource

        made = BlocksSource(x, sample_weight, columns)
        return made, made.column_names
    return open_source(x, sample_weight, columns)


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
    if isinstance(x, np.ndarray):
        return x
    from emix import frames

    return frames.rows_like(x, names)


def _are_default(names: Sequence[str]) -> bool:
    return tuple(names) == default_names(len(names))


def _wanted(columns: object) -> list[str | int] | None:
    """A list of names and indices, or None for all columns."""
    if columns is None:
        return None
    given: Any = [columns] if isinstance(columns, str | int | np.integer) else columns
    try:
        wanted = [each if isinstance(each, str) else each.__index__() for each in given]
    except (TypeError, AttributeError):
        wanted = []
    if not wanted or len(set(wanted)) < len(wanted):
        raise ParameterError(f"columns={columns!r}; expected a name or a list of names, each once "
                             f"(for an array, of indices)")
    return wanted


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


def _positions(
    wanted: list[str | int] | None, names: tuple[str, ...], weight: int | None
) -> list[int]:
    """The columns that are data. Raises `ParameterError` when the weights are among them."""
    if wanted is None:
        positions = [j for j in range(len(names)) if j != weight]
    else:
        positions = [_position(each, names) for each in wanted]
    if not positions or weight in positions:
        assert weight is not None
        raise ParameterError(f"sample_weight={names[weight]!r} is also the data; choose other "
                             f"columns to fit, or other weights")
    return positions


def _position(wanted: str | int, names: tuple[str, ...]) -> int:
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        return wanted
    close = near(wanted, names) if isinstance(wanted, str) else ""
    raise DataError(f"x has no column {wanted!r}{close}; the columns are {listed(names)}")


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
