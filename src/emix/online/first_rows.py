"""The first rows of a stream, kept until they are enough for a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.errors import DataError
from emix.fitting import stop_of
from emix.making import Search, fit_source
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.model import Model
    from emix.result import Fit

# Rows for each parameter that is to be found; and never fewer or more.
FOR_EACH, LEAST, MOST = 20, 500, 1 << 14


class FirstRows:
    """Batches of rows, and the fit of all of them, made when it is asked for."""

    def __init__(self, model: Model, names: tuple[str, ...], enough: int | None, seed: int,
                 threads: int) -> None:
        self._model, self._names, self._seed, self._threads = model, names, seed, threads
        self._enough = min(max(FOR_EACH * model.n_parameters, LEAST), MOST) \
            if enough is None else enough
        self._batches: list[ArraySource] = []
        self._fit: Fit | None = None
        self._fitted, self._searched = 0, 0

    def add(self, batch: ArraySource) -> None:
        """Keep a batch."""
        self._batches.append(batch)

    @property
    def are_enough(self) -> bool:
        return sum(rows.n_rows for rows in self._batches) >= self._enough

    @property
    def weight(self) -> float:
        """Σ w"""
        return float(sum(
            rows.n_rows if rows.sample_weight is None else rows.sample_weight.sum()
            for rows in self._batches
        ))

    @property
    def source(self) -> ArraySource:
        """All of them as one. Raises `DataError` where there are none."""
        if not self._batches:
            raise DataError("no rows have been seen yet; give some to update first")
        if len(self._batches) == 1:
            return self._batches[0]
        points = np.concatenate([rows.points for rows in self._batches])
        if all(rows.sample_weight is None for rows in self._batches):
            return ArraySource.of(points, None, self._names)
        weight = np.concatenate([
            np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
            for rows in self._batches
        ])
        return ArraySource.of(points, weight, self._names)

    def fit(self, is_last: bool = False) -> Fit:
        """The fit of them: searched for the last time, and whenever they are twice as many as at
        the search before; else climbed from what was found last. Raises as `emix.fit` does."""
        source = self.source
        n, last = source.n_rows, self._fit
        if last is not None and self._fitted == n and not (is_last and self._searched < n):
            return last
        again = last is None or is_last or n >= 2 * self._searched
        start = None if again or last is None else last.mixture
        k, d = self._model.n_components, self._model.n_features
        how = Search(start, None, self._seed, stop_of(None, None, k, d), self._threads)
        self._fit = fit_source(source, self._names, self._model, how)
        self._fitted, self._searched = n, n if again else self._searched
        return self._fit
