"""What a page works on: the data that was opened, the run on it, and what a search found.

Runs are begun anew rather than changed: each method here puts another in the place of the one
there was or, when something is refused, leaves all as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import ParameterError
from emix.mixture import Mixture
from emix.studio.run import Begun, Run, Setting

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.result import Fit
    from emix.studio.opening import Opened, Rows

# As many components as have a colour in a line style of their own.
MOST_COMPONENTS = 24
# Of more rows in several columns K-Means takes seconds, too long for a start nobody asked for.
MANY_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class Found:
    """A fit, and what it was of: rows, setting, and the start it began at, None for a search."""

    fit: Fit
    rows: Rows
    setting: Setting
    origin: Mixture | None


class Session:
    """One page's data, run, and what was found."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.found: Found | None = None
        self.run = self._on(opened.first_choice, 2)

    def _on(self, columns: Sequence[str], k: int) -> Run:
        rows = self.opened.rows(columns)
        quick = rows.d == 1 or rows.n > MANY_ROWS
        return Run.drawn(rows, Setting(k=k, kind="quantiles" if quick else "kmeans"))

    def choose(self, columns: Sequence[str]) -> None:
        """Take other columns; raises `DataError` for a cell that is no number."""
        self.run = self._on(columns, self.run.setting.k)
        self.found = None

    def configure(self, **changes: Any) -> None:
        """Another k, structure, kind of start or seed; held values go where k changes."""
        if not 1 <= changes.get("k", 1) <= MOST_COMPONENTS:
            raise ParameterError(f"k={changes['k']}; the studio shows 1 to {MOST_COMPONENTS} "
                                 f"components, emix.fit takes more")
        setting = self.run.setting
        if changes.get("k", setting.k) != setting.k:
            changes |= {"weights": None, "means": None, "sds": None, "covariances": None}
        self.run = Run.drawn(self.run.rows, replace(setting, **changes))

    def hold(
        self, weights: Sequence[float | None], means: Sequence[Sequence[float | None]],
        sds: Sequence[float | None], covariances: Sequence[bool],
    ) -> None:
        """Hold other values from here on; None learns that one. In several columns covariances
        are held as they are."""
        run, one = self.run, self.run.rows.d == 1
        dense = run.mixture.covariance.dense().copy()
        dense[~np.array(covariances, dtype=bool)] = np.nan
        setting = replace(
            run.setting, weights=_held(weights), means=_held(means),
            sds=_held(sds) if one else None, covariances=None if one else _held(dense),
        )
        self.run = Run.drawn(run.rows, setting) if run.is_untouched else \
            Run(run.rows, setting, run.mixture, Begun("placed"))

    def place(self, means: Sequence[Sequence[float]]) -> None:
        """Begin anew at these means (k, d); weights and spreads stay as they are."""
        run, now = self.run, self.run.mixture
        moved = np.array(means, dtype=np.float64)
        if moved.shape != now.means.shape or not np.isfinite(moved).all():
            raise ParameterError(f"means of shape {moved.shape}; expected {now.means.shape}, "
                                 f"finite numbers")
        start = Mixture.trusted(now.weights, moved, now.covariance)
        self.run = Run(run.rows, run.setting, start, Begun("placed"))

    def look(self, optimum: int) -> None:
        """Begin anew at one of the optima of the last search."""
        found = self.found
        if found is None or not 0 <= optimum < len(found.fit.optima):
            raise ParameterError("there is no such optimum; run the search first")
        self.run = Run(found.rows, found.setting, found.fit.optima[optimum].mixture,
                       Begun("found", optimum, found.origin))

    def keep(self, found: Found) -> bool:
        """Remember a fit, unless other columns were chosen while it was made."""
        if found.rows is self.run.rows:
            self.found = found
        return found.rows is self.run.rows


def _held(values: Any) -> Floats | None:
    """Numbers with NaN for None, or None where all are to be learned."""
    array = np.array(values, dtype=np.float64)
    return None if np.isnan(array).all() else array
