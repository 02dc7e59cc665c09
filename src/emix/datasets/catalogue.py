"""Loading a bundled data set by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from emix.errors import DataError
from emix.names import listed, near

__all__ = ["Dataset", "is_name", "load", "names"]

Array = TypeVar("Array", bound=npt.NDArray[Any])

LABEL_COLUMN = "label"
# Said of a column in `units` where there is none to be said.
NO_UNIT = ("none", "unknown")
# Characters of a line of a repr.
LINE = 100


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A bundled table of numbers, with what each column means and who measured it.

    `data` is a read-only (n, d) float64 array whose `columns` are named, with the unit of each in
    `units` ("none", or "unknown" where the source does not say). `label` is a read-only (n,) array
    of codes from 0 where the true group of every row is known, else None, and `label_names[code]`
    is the group's name. `source` cites the data, `notes` says what to watch for.

    >>> iris = load("iris")
    >>> iris.label_names[iris.label[149]]
    'virginica'
    """

    name: str
    title: str
    data: npt.NDArray[np.float64]
    columns: tuple[str, ...]
    units: Mapping[str, str]
    source: str
    notes: str
    label: npt.NDArray[np.int64] | None = None
    label_names: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.data)

    @property
    def d(self) -> int:
        """Number of columns, the label not counted."""
        return len(self.columns)

    def __getitem__(self, column: str) -> npt.NDArray[np.float64]:
        """One column as a read-only, contiguous (n,) array; `DataError` where there is none.

        >>> load("faithful")["waiting"][:3]
        array([79., 54., 74.])
        """
        if column not in self.columns:
            raise DataError(
                f"data set {self.name!r} has no column {column!r}"
                f"{near(str(column), self.columns)}; the columns are {listed(self.columns, str)}"
            )
        return _read_only(np.ascontiguousarray(self.data[:, self.columns.index(column)]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """The data, so that whatever takes rows takes a data set."""
        return np.array(self.data, dtype) if copy else np.asarray(self.data, dtype)

    def __repr__(self) -> str:
        lines = [f"{self.name}: {self.title}, n = {self.n}, d = {self.d}", self._columns()]
        if self.label is not None:
            lines.append(f"label: {', '.join(self.label_names)}")
        return "\n  ".join(lines)

    def unit(self, column: str) -> str:
        """The unit of a column, "" where there is none or it is not known."""
        unit = self.units[column]
        return "" if unit in NO_UNIT else unit

    def _columns(self) -> str:
        """One line: the columns with their units, as many as there is room for."""
        shown = [f"{c} ({self.unit(c)})" if self.unit(c) else c for c in self.columns]
        for left_out in range(self.d):
            more = f" and {left_out} more" if left_out else ""
            line = f"columns: {', '.join(shown[:self.d - left_out])}{more}"
            if len(line) <= LINE - 2:
                break
        return line


def names() -> tuple[str, ...]:
    """Names that `load` takes.

    >>> names()[:4]
    ('acidity', 'banknote', 'diabetes', 'enzyme')
    """
    return tuple(sorted(_sources()))


def is_name(source: str) -> bool:
    """Whether `source` is the name of a bundled data set, and not a path.

    >>> is_name("faithful"), is_name("./faithful"), is_name("faithful.csv")
    (True, False, False)
    """
    return source in _sources()


def load(name: str) -> Dataset:
    """The bundled data set called `name`; raises `DataError` where there is none.

    >>> load("faithful")
    faithful: eruptions of Old Faithful, n = 272, d = 2
      columns: eruptions (minutes), waiting (minutes)
    """
    if name not in _sources():
        raise DataError(f"no data set {name!r}{near(str(name), names())}; the data sets are "
                        f"{listed(names(), str)}")
    about = _sources()[name]
    from importlib import resources

    with resources.files("emix.datasets").joinpath(f"{name}.csv").open(encoding="utf-8") as file:
        header = file.readline().rstrip("\n").split(",")
        table = np.loadtxt(file, delimiter=",", ndmin=2)
    label = None
    if header[-1] == LABEL_COLUMN:
        # The files count groups from 1, as the R packages they come from do.
        label = _read_only(table[:, -1].astype(np.int64) - 1)
        header, table = header[:-1], np.ascontiguousarray(table[:, :-1])
    return Dataset(
        name=name,
        title=about["title"],
        data=_read_only(table),
        columns=tuple(header),
        units=dict(about["units"]),
        source=about["source"],
        notes=about["notes"],
        label=label,
        label_names=tuple(about.get("label_names", ())),
    )


@cache
def _sources() -> dict[str, dict[str, Any]]:
    # Imported here: `import emix` should cost little more than `import numpy`.
    import tomllib
    from importlib import resources

    text = resources.files("emix.datasets").joinpath("sources.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array
