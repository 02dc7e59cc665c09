"""Selection: which structure and how many components, and what else was tried, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emix.climbing.climb import Outcome
from emix.errors import ParameterError
from emix.selection import choice_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.inference.component_tests import ComponentTests
    from emix.result import Fit
    from emix.soundness.degenerate import Degenerate

# What rows can be ranked by.
CRITERIA = ("bic", "icl", "aic", "heldout")

# The failure of a row that was not tried before the selection was stopped.
NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Row:
    """One covariance structure with one number of components.

    loglik, bic, icl, aic  of the best sound optimum found, as those of a `Fit`; NaN where there
                is none
    df          free parameters
    heldout     log-likelihood of rows left out, Σ w log f(x), or None where it was not asked for
    outcome     how the climb to the optimum ended, None where there is none
    gradient    of the objective there, per row
    is_refined  whether the row was searched as `emix.fit` searches, and climbed to its tolerance;
                the others were screened, which leaves a log-likelihood a little lower
    degenerate  where no optimum is sound, what is wrong with the best
    failure     why there is no sound optimum, in words; None where there is one
    """

    covariance: str
    k: int
    df: int
    loglik: float = float("nan")
    bic: float = float("nan")
    icl: float = float("nan")
    aic: float = float("nan")
    heldout: float | None = None
    outcome: Outcome | None = None
    gradient: float = float("nan")
    is_refined: bool = False
    degenerate: tuple[Degenerate, ...] = ()
    failure: str | None = None

    @property
    def was_reached(self) -> bool:
        """Whether the row was tried before the selection was stopped."""
        return self.failure != NOT_REACHED

    @property
    def converged(self) -> bool:
        """Whether the climb came to where it was to go: for a row that was only screened, to a
        gradient that is enough to rank by."""
        return self.outcome is Outcome.CONVERGED

    def value(self, criterion: str) -> float:
        """What rows are ranked by, smaller is better: BIC, ICL, AIC, or −2 times the held-out
        log-likelihood, which is on the same scale; NaN where there is none."""
        if criterion != "heldout":
            return float(getattr(self, criterion))
        return float("nan") if self.heldout is None else -2 * self.heldout


@dataclass(frozen=True)
class Selection:
    """The rows that were compared, and the best of them as a fit.

    table      a `Row` for each structure and k, by structure
    best       the `Fit` of the best row
    criterion  what rows are ranked by: "bic", "icl", "aic" or "heldout"
    n          Σ w, the number of rows of data when there are no weights
    columns    the names of the columns, (d,)
    folds      parts that held-out rows came in, None without
    tests      tests of k against k + 1 in the best row's structure, where they were asked for
    is_complete  False when the selection was stopped before every row was tried and the best
               were refined
    """

    table: tuple[Row, ...]
    best: Fit
    criterion: str
    n: float
    columns: tuple[str, ...]
    folds: int | None
    seed: int
    is_complete: bool
    tests: ComponentTests | None = None

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows with a sound optimum, best first; of equal ones the simplest structure, and
        of one component only one for structures that are then the same."""
        return ranked(self.table, self.criterion)

    @property
    def top(self) -> tuple[tuple[Row, float], ...]:
        """The three best rows, and by how much the criterion of each is above the best."""
        best = self.ranked[:3]
        least = best[0].value(self.criterion)
        return tuple((row, row.value(self.criterion) - least) for row in best)

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows without a sound optimum; `failure` says why."""
        return tuple(row for row in self.table if row.failure is not None)

    def row(self, covariance: str, k: int) -> Row:
        """The row of that structure and k; raises KeyError where there is none."""
        for row in self.table:
            if (row.covariance, row.k) == (covariance, k):
                return row
        raise KeyError((covariance, k))

    def report(self) -> str:
        """The selection in words and tables, for people."""
        return choice_report.text(self)

    def to_dict(self) -> dict[str, Any]:
        """The selection as plain data, the object that `emix select --json` prints."""
        return choice_report.plain(self)

    def plot(self, ax: Axes | None = None, kind: str = "bic") -> Axes:
        """BIC by k, a line for each structure ("bic"), or of the best row's structure a line for
        each criterion ("criteria"); needs the extra `plot`. Raises `ParameterError` for another
        kind."""
        from emix.plots import plot_bic, plot_criteria

        if kind == "criteria":
            name = self.best.covariance
            values = [{"k": row.k} | {each: row.value(each) for each in CRITERIA}
                      for row in self.table if row.covariance == name]
            return plot_criteria(values, ax=ax, name=name)
        if kind != "bic":
            raise ParameterError(f"kind={kind!r}; expected bic or criteria")
        return plot_bic(
            [{"k": row.k, "covariance": row.covariance, "bic": row.bic} for row in self.table],
            ax=ax,
        )

    def _repr_html_(self) -> str:
        from emix import reporting

        return reporting.of_selection(self)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return (f"<Selection {self.best.covariance} k={self.best.k} of {len(self.table)} rows by "
                f"{self.criterion}>")


def ranked(rows: tuple[Row, ...] | list[Row], criterion: str) -> tuple[Row, ...]:
    """The rows with a sound optimum, best first; see `Selection.ranked`."""
    sound = [row for row in rows if row.failure is None]
    sound = [row for row in sound if row.value(criterion) == row.value(criterion)]
    order = sorted(sound, key=lambda row: row.value(criterion))
    # Of one component, structures with as many parameters are the same.
    singles: dict[int, Row] = {}
    for row in order:
        if row.k == 1:
            singles.setdefault(row.df, row)
    return tuple(row for row in order if row.k > 1 or singles[row.df] is row)
