"""Finding the optima of one fit: the search on a sample or on all rows, then the climbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import is_whole
from emix.climbing import Progress, Stop, climb_many
from emix.errors import DataError, ParameterError
from emix.initialise import SortedColumn, named
from emix.judging import least_worth_on, worths_on
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.plan import PATIENCE, Plan
from emix.search import Candidate, distinct, follow, imposed, search
from emix.soundness import degenerate_components, on_floor

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.soundness import Degenerate
    from emix.sources.array import ArraySource

# Rows above which starts are judged on a sample: enough to tell summits apart.
SEARCH_ROWS = 1 << 14
# Candidates that are climbed to the end on all the data when it is more than that.
FINALISTS = 3
# On a sample a search need not be exact: its optima are only where the climbs begin.
SAMPLE_STOP = Stop(1e-6, 500)


class Finder:
    """One fit's data and settings, so that its stages need not hand them on one by one."""

    def __init__(
        self, source: ArraySource, name: str, model: Model, units: Units, weight: float,
        stop: Stop, seed: int, threads: int, progress: Callable[[Progress], None] | None,
    ) -> None:
        self.name = name
        self.source, self.model, self.units, self.weight = source, model, units, weight
        self.within = model.inward(units, FLOOR)
        self.stop, self.seed, self.threads, self.progress = stop, seed, threads, progress
        self.column = SortedColumn.of(source.sample(SEARCH_ROWS, seed), units)

    def candidates(self, start: Mixture | str | None, n_starts: int | None) -> list[Candidate]:
        """The optima found, in internal units, best first."""
        if isinstance(start, Mixture):
            return self._from(start, n_starts)
        plan = self._plan(start, n_starts)
        self._refuse_few_values()
        k, column = self.model.n_components, self.column
        if self.source.n_rows > SEARCH_ROWS:
            found = search(column, k, self.within, plan, self.seed, SAMPLE_STOP, self.threads)
            best = found[:FINALISTS]
            return self._on_all_data([c.climb.mixture for c in best], [c.starts for c in best])
        # Short run and climb together take max_iter steps at most.
        if plan.short_run > self.stop.max_iter:
            plan = replace(plan, short_run=self.stop.max_iter)
        left = min(self.stop.max_iter - plan.short_run, PATIENCE)
        patient = Stop(self.stop.tol, left)
        found = search(column, k, self.within, plan, self.seed, patient, self.threads)
        return follow(found, column, self.within, self.stop, self.threads)

    def _plan(self, start: str | None, n_starts: int | None) -> Plan:
        if n_starts is not None and not is_whole(n_starts, 1):
            raise ParameterError(f"n_starts={n_starts!r}; expected 1 or more")
        if start is not None:
            named(start)
        elif n_starts is None:
            return Plan.default(self.model.n_components, len(self.column.points))
        return Plan.of_starts(n_starts or 10, start)

    def _from(self, start: Mixture, n_starts: int | None) -> list[Candidate]:
        """One climb on all the data, from the user's own start."""
        k, d = self.model.n_components, self.source.n_features
        if n_starts not in (None, 1):
            raise ParameterError("a start that is a Mixture is one start; leave n_starts out")
        if (start.n_components, start.n_features) != (k, d):
            raise ParameterError(
                f"start has {start.n_components} components in {start.n_features} columns; "
                f"expected {k} in {d}"
            )
        return self._on_all_data([imposed(start.inward(self.units), self.within)], [1])

    def _refuse_few_values(self) -> None:
        """Raise `DataError` for more components than values, unless their spreads are held."""
        k = self.model.n_components
        if len(self.column.points) >= k or not self.model.held.learned_sds.any():
            return
        values = len(self.column.points)
        if self.source.n_rows > SEARCH_ROWS:
            points, weight = self.source.points, self.source.sample_weight
            values = len(np.unique(points if weight is None else points[weight > 0]))
        if values < k:
            raise DataError(
                f"{self.name} has {values} distinct value{'s' * (values > 1)} in "
                f"{self.source.n_rows} rows, which cannot tell {k} components apart: at most "
                f"k={values} can be learned; hold the standard deviations (sds=...) to fit more"
            )

    def _on_all_data(self, starts: list[Mixture], counts: list[int]) -> list[Candidate]:
        climbs = climb_many(
            self.source, starts, self.within, self.units, self.stop, self.threads, self.progress
        )
        return distinct(
            [
                Candidate(c, self._least_worth(c.mixture), count)
                for c, count in zip(climbs, counts, strict=False)
            ],
            self.column,
        )

    def _least_worth(self, mixture: Mixture) -> float:
        return least_worth_on(
            self.source, self.units, mixture, self.within, self.column.sd, self.threads
        )

    def degenerate(self, mixture: Mixture, model: Model) -> tuple[Degenerate, ...]:
        """The degenerate components of an optimum in internal units."""
        worth = worths_on(self.source, self.units, mixture, model, self.column.sd, self.threads)
        expected = mixture.weights * self.weight
        return degenerate_components(on_floor(mixture, model), worth, expected)
