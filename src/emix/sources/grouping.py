"""Groups of rows, each to be modelled by itself: from what a user has to rows laid out by group."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import as_points, as_sample_weight
from emix.datasets import Dataset
from emix.errors import DataError, EmixError, ParameterError
from emix.names import default_names, listed
from emix.sources.array import ArraySource
from emix.sources.opening import open_source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emix.arrays import Floats, Points

# What the column of group names is called where the groups came without one.
GROUP = "group"


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """g groups of rows in d columns, one after another: group i has rows begins[i] to begins[i+1].

    `names` (g,) tell them apart; `keys` are the same as columns of a table, g values each;
    `refused` says of a group that could not be read why, and it then has no rows. `frame` is the
    data frame they came from, if any.
    """

    names: Sequence[Hashable]
    keys: Mapping[str, Any]
    columns: tuple[str, ...]
    points: Points
    begins: NDArray[np.int64]
    sample_weight: Floats | None = None
    refused: Mapping[int, EmixError] = field(default_factory=dict)
    frame: Any = None

    def __len__(self) -> int:
        return len(self.names)

    def source(self, i: int) -> ArraySource:
        """The rows of one group, where they lie."""
        rows = slice(int(self.begins[i]), int(self.begins[i + 1]))
        weight = self.sample_weight
        return ArraySource(self.points[rows], None if weight is None else weight[rows],
                           self.columns)


def open_groups(
    groups: object, by: object = None, columns: object = None, sample_weight: object = None
) -> Groups:
    """Groups from whatever a user has; see `emix.fit_many`, whose arguments these are.

    Raises `DataError` or `ParameterError` for what is wrong with all of them; what is wrong with
    one is in `refused`.
    """
    if by is not None:
        return _by(groups, by, columns, sample_weight)
    if isinstance(groups, Mapping):
        return _of_parts(list(groups), list(groups.values()), columns, sample_weight)
    if isinstance(groups, np.ndarray) and groups.dtype != object:
        return _of_array(groups, columns, sample_weight)
    if isinstance(groups, Sequence) and not isinstance(groups, str | bytes):
        return _of_parts(list(range(len(groups))), groups, columns, sample_weight)
    raise ParameterError(
        f"groups is {type(groups).__name__}; expected a mapping of names to data, a sequence of "
        f"arrays, an array with a group in each row, or rows with by= naming their groups"
    )


def _of_array(groups: NDArray[Any], columns: object, sample_weight: object) -> Groups:
    """(g, n): a group in each row; (g, n, d): a table for each."""
    if groups.ndim not in (2, 3) or 0 in groups.shape:
        raise DataError(f"groups has shape {groups.shape}; expected (groups, rows) in one column, "
                        f"or (groups, rows, columns); for rows with labels give by=")
    g, n, d = (*groups.shape, 1)[:3]
    points = np.ascontiguousarray(as_points(groups.reshape(g * n, d), "groups"))
    weight = None
    if sample_weight is not None:
        given = np.asarray(sample_weight)
        if given.shape != (g, n):
            raise DataError(f"sample_weight has shape {given.shape}; expected one weight for each "
                            f"row, {(g, n)}")
        weight = as_sample_weight(given.reshape(-1), g * n)
    source, names = open_source(points, columns=columns)
    begins = np.arange(g + 1, dtype=np.int64) * n
    return Groups(list(range(g)), {GROUP: np.arange(g)}, names, source.points, begins, weight)


def _of_parts(
    names: Sequence[Hashable], parts: Sequence[object], columns: object, sample_weight: object
) -> Groups:
    """Each group read by itself, so that one that cannot be read is no matter to others."""
    if not names:
        raise DataError("there are no groups to fit")
    weights = _weights_of_parts(names, sample_weight)
    read: list[Points] = []
    read_weights: list[Floats | None] = []
    refused: dict[int, EmixError] = {}
    known: tuple[str, ...] | None = None
    for i, (part, weight) in enumerate(zip(parts, weights, strict=True)):
        try:
            source, found = _part(part, weight, columns)
            if known is not None and found != known:
                raise DataError(f"its columns are {listed(found)}; expected those of the groups "
                                f"before it, {listed(known)}")
        except EmixError as reason:
            refused[i] = reason
            continue
        known = found
        read.append(source.points)
        read_weights.append(source.sample_weight)
    if known is None:
        raise DataError(f"none of the {len(names)} groups can be read; the first: {refused[0]}")
    sizes = np.zeros(len(names) + 1, dtype=np.int64)
    sizes[[i + 1 for i in range(len(names)) if i not in refused]] = [len(each) for each in read]
    whole = None
    if any(each is not None for each in read_weights):
        whole = np.concatenate([np.ones(len(p)) if w is None else w
                                for p, w in zip(read, read_weights, strict=True)])
    return Groups(names, {GROUP: _as_column(names)}, known, np.concatenate(read), np.cumsum(sizes),
                  whole, refused)


def _part(part: object, weight: object, columns: object) -> tuple[ArraySource, tuple[str, ...]]:
    # Ten thousand arrays that are as they should be are not to be looked at from all sides.
    if type(part) is np.ndarray and part.dtype == np.float64 and part.ndim == 1 and len(part) and \
            weight is None and columns is None:
        return ArraySource(np.ascontiguousarray(part)[:, None]), ("x",)
    return open_source(part, weight, columns)


def _weights_of_parts(names: Sequence[Hashable], given: Any) -> list[object]:
    if given is None or isinstance(given, str):
        return [given] * len(names)
    try:
        weights = [given[name] for name in names] if isinstance(given, Mapping) else list(given)
    except (KeyError, TypeError) as missing:
        raise ParameterError(f"sample_weight has no weights for the group {missing}; expected one "
                             f"array for each") from None
    if len(weights) != len(names):
        raise ParameterError(f"sample_weight has {len(weights)} entries; expected one array for "
                             f"each of {len(names)} groups")
    return weights


def _by(rows: Any, by: Any, columns: object, sample_weight: object) -> Groups:
    """Rows of a frame, a file, a data set or an array, and what tells their groups apart."""
    named = [by] if isinstance(by, str) else by
    is_named = isinstance(named, list | tuple) and len(named) > 0 and \
        all(isinstance(each, str) for each in named)
    if isinstance(rows, str | os.PathLike) or hasattr(rows, "read"):
        if not is_named:
            raise ParameterError(f"by={by!r}; expected the name of a column of the file")
        return _by_file(rows, named, columns, sample_weight)
    if isinstance(rows, Dataset) and is_named:
        return _by_dataset(rows, named, columns, sample_weight)
    if not isinstance(rows, np.ndarray | list | tuple):
        from emix import frames

        if frames.opened(rows) is not None and is_named:
            return _by_frame(rows, named, columns, sample_weight)
    return _by_labels(rows, by, columns, sample_weight)


def _by_labels(rows: object, by: object, columns: object, sample_weight: object) -> Groups:
    labels: NDArray[Any] = np.asarray(by.to_numpy() if hasattr(by, "to_numpy") else by)
    source, names = open_source(rows, sample_weight, columns)
    if labels.shape != (source.n_rows,):
        raise ParameterError(f"by has shape {labels.shape}; expected a label for each of "
                             f"{source.n_rows} rows, or names of columns of a data frame")
    codes, firsts = _codes(labels)
    keys = labels[firsts]
    return _arranged(source, names, codes, keys.tolist(), {GROUP: keys})


def _by_file(
    rows: Any, by: Sequence[str], columns: object, sample_weight: object
) -> Groups:
    from emix.sources.labels import read_labels

    labels, by, others = read_labels(rows, by)
    if hasattr(rows, "seek"):
        rows.seek(0)
    if columns is None:
        columns = [name for name in others if name != sample_weight]
    source, names = open_source(rows, sample_weight, columns)
    codes, firsts = _codes_of_objects(labels)
    keys = [labels[i] for i in firsts]
    columns_of_keys = {name: np.array([key[j] for key in keys]) for j, name in enumerate(by)}
    return _arranged(source, names, codes, _names(keys), columns_of_keys)


def _by_dataset(rows: Dataset, by: Sequence[str], columns: object, sample_weight: object) -> Groups:
    if columns is None:
        columns = [name for name in rows.columns if name not in by and name != sample_weight]
    source, names = open_source(rows, sample_weight, columns)
    labelled = rows.label is not None and list(by) == ["label"]
    values = [np.array(rows.label_names)[rows.label]] if labelled else [rows[each] for each in by]
    codes, firsts = _codes_of_objects(list(zip(*(v.tolist() for v in values), strict=True)))
    keys = {name: value[firsts] for name, value in zip(by, values, strict=True)}
    return _arranged(source, names, codes, _names(list(zip(*(k.tolist() for k in keys.values()),
                                                            strict=True))), keys)


def _by_frame(frame: Any, by: Sequence[str], columns: object, sample_weight: object) -> Groups:
    from emix import frames
    from emix.sources.framed import labels_of, places_of, points_or_nan

    opened = frames.opened(frame)
    assert opened is not None
    places = places_of(opened, by, "by")
    weight = sample_weight if isinstance(sample_weight, str) else None
    if columns is None:
        chosen = [name for name in opened.names if name not in by and name != weight]
    else:
        chosen = [columns] if isinstance(columns, str) else list(columns)  # type: ignore[call-overload]
    if not chosen or set(chosen) & {*by, weight}:
        raise ParameterError(f"columns={columns!r} and by={by!r} leave nothing to fit; expected "
                             f"columns to fit beside those that tell groups apart")
    points = points_or_nan(opened, places_of(opened, chosen, "columns"))
    if weight is not None:
        sample_weight = points_or_nan(opened, places_of(opened, [weight], "x"))
    cells = [opened.table[:, place] for place in places]
    if len(cells) == 1:
        codes, firsts = _codes(labels_of(cells[0]))
    else:
        lists = [labels_of(cell).tolist() for cell in cells]
        codes, firsts = _codes_of_objects(list(zip(*lists, strict=True)))
    keys = {name: cell[firsts.tolist()] for name, cell in zip(by, cells, strict=True)}
    source = ArraySource.of(points, sample_weight, tuple(chosen))
    named = _names(list(zip(*(key.to_list() for key in keys.values()), strict=True)))
    return _arranged(source, tuple(chosen), codes, named, keys, frame)


def _arranged(
    source: ArraySource, columns: tuple[str, ...], codes: NDArray[np.intp],
    names: Sequence[Hashable], keys: Mapping[str, Any], frame: Any = None,
) -> Groups:
    """Rows in the order of their groups, and within them in their own."""
    begins = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(names)))])
    points, weight = source.points, source.sample_weight
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes, kind="stable")
        points = np.ascontiguousarray(points[order])
        weight = None if weight is None else weight[order]
    return Groups(names, keys, columns or default_names(source.n_features), points,
                  begins.astype(np.int64), weight, frame=frame)


def _codes(labels: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row the place of its group, and for each group its first row, in whose order the
    groups are."""
    if labels.dtype.kind not in "biufSU":
        return _codes_of_objects(labels.tolist())
    _, firsts, codes = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(firsts, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[codes.reshape(-1)], firsts[order]


def _codes_of_objects(labels: Sequence[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    places: dict[Any, int] = {}
    codes = np.fromiter((places.setdefault(each, len(places)) for each in labels), np.intp,
                        len(labels))
    firsts = np.full(len(places), -1, dtype=np.intp)
    firsts[codes[::-1]] = np.arange(len(codes))[::-1]
    return codes, firsts


def _names(keys: Sequence[tuple[Any, ...]]) -> list[Hashable]:
    """Of one column the values themselves, of several the tuples."""
    return [key[0] if len(key) == 1 else key for key in keys]


def _as_column(names: Sequence[Hashable]) -> NDArray[Any]:
    """Names as an array: numbers and text as such, anything else as objects."""
    if all(isinstance(name, str) for name in names) or \
            all(isinstance(name, int | np.integer) for name in names):
        return np.array(names)
    column = np.empty(len(names), dtype=object)
    column[:] = names
    return column
