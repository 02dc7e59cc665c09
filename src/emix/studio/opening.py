"""What is looked at: a bundled data set or a file, its columns, and the rows of those chosen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from emix import datasets
from emix.arrays import Floats, Order
from emix.datasets import Dataset
from emix.errors import DataError
from emix.sources.array import ArraySource
from emix.sources.glance import Glance, columns_in
from emix.sources.opening import open_source


@dataclass(frozen=True, eq=False)
class Opened:
    """Something with columns to choose from: `word` is what the command line calls it."""

    word: str
    title: str
    x: Dataset | Path
    columns: tuple[Glance, ...]

    @classmethod
    def bundled(cls, name: str) -> Opened:
        """A data set that comes with emix; raises `DataError` where there is none."""
        data = datasets.load(name)
        return cls(name, f"{name}: {data.title}", data,
                   tuple(Glance(column, True) for column in data.columns))

    @classmethod
    def file(cls, path: Path, word: str) -> Opened:
        """A file; raises `DataError` for one that is no table, or holds no numbers."""
        columns = columns_in(path)
        if not any(column.holds_numbers for column in columns):
            # For its message, which names line and column.
            open_source(path)
            raise DataError(f"{path}: no column holds numbers; expected at least one")
        return cls(word, os.path.basename(word), path, columns)

    @classmethod
    def source(cls, word: str) -> Opened:
        """SOURCE as the command line takes it: the name of a data set, or a path."""
        return cls.bundled(word) if datasets.is_name(word) else cls.file(Path(word), word)

    @property
    def first_choice(self) -> list[str]:
        """The first column that holds numbers: one column is where to begin."""
        return [next(column.name for column in self.columns if column.holds_numbers)]

    def rows(self, chosen: Sequence[str]) -> Rows:
        """The rows of some columns; raises `DataError` saying which cell is no number."""
        source, names = open_source(self.x, columns=list(chosen))
        units = tuple(self.x.unit(name) if isinstance(self.x, Dataset) else "" for name in names)
        return Rows(source, names, units)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows (n, d) of the chosen columns, with their names (d,) and units (d,), "" where unknown."""

    source: ArraySource
    names: tuple[str, ...]
    units: tuple[str, ...]
    # What is drawn of them, kept for each pair of columns.
    scenes: dict[tuple[int, ...], dict[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        return self.source.n_rows

    @property
    def d(self) -> int:
        return self.source.n_features

    @property
    def column(self) -> Floats:
        """(n,) the only column."""
        return self.source.points[:, 0].astype(np.float64, copy=False)

    @cached_property
    def order(self) -> Order:
        """(n,) rows of the only column in ascending order."""
        return np.argsort(self.column, kind="stable")

    @cached_property
    def limits(self) -> list[tuple[float, float]]:
        """The least and the greatest value of each column."""
        points = self.source.points
        return list(zip(points.min(axis=0).tolist(), points.max(axis=0).tolist(), strict=True))

    def near(self, place: Sequence[float], pair: Sequence[int], most: int) -> Order:
        """The rows nearest to a place, nearest first: in the only column, or in a pair of columns
        in units of their range."""
        if self.d == 1:
            return self._near_value(place[0], most)
        spans = [max(high - low, np.finfo(float).tiny) for low, high in self.limits]
        points = self.source.points
        away = sum(((points[:, j] - at) / spans[j]) ** 2
                   for j, at in zip(pair, place, strict=True))
        nearest: Order = np.argpartition(away, min(most, self.n) - 1)[:most]
        return nearest[np.argsort(np.asarray(away)[nearest], kind="stable")]

    def _near_value(self, value: float, most: int) -> Order:
        order, column = self.order, self.column
        at = int(np.searchsorted(column, value, sorter=order))
        around = order[max(at - most, 0):at + most]
        nearest: Order = around[np.argsort(np.abs(column[around] - value), kind="stable")[:most]]
        return nearest
