"""How sure parameters are, on the scales that people read: estimates, standard errors, intervals.

Intervals of weights are symmetric on the logistic scale, those of standard deviations and variances
on the logarithmic one, so that they end where the parameters end; those of means and covariances
are symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, frozen
from emix.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes

    from emix.mixture import Mixture

# The natural parameters, in the order of tables.
KINDS = ("weights", "means", "sds", "covariances")


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """The parameters of one kind, as arrays of one shape, NaN in `se`, `low` and `high` where
    there is no standard error; `notes` says why, by index."""

    kind: str
    estimate: Floats
    se: Floats
    low: Floats
    high: Floats
    notes: dict[tuple[int, ...], str]

    def __post_init__(self) -> None:
        for array in (self.estimate, self.se, self.low, self.high):
            frozen(array)

    @classmethod
    def of(
        cls, kind: str, estimate: Floats, se: Floats, level: float,
        notes: dict[tuple[int, ...], str],
    ) -> Quantity:
        """With intervals of coverage `level` from estimates and standard errors."""
        # Late: with it comes what takes longer to import than this module.
        from statistics import NormalDist

        reach = NormalDist().inv_cdf(0.5 + level / 2)
        low, high = _interval(kind, estimate, se, reach)
        return cls(kind, estimate, se, low, high, notes)


def _interval(kind: str, estimate: Floats, se: Floats, reach: float) -> tuple[Floats, Floats]:
    # Covariances of columns near the ends of the doubles are none, and so are their intervals.
    with np.errstate(all="ignore"):
        low, high = estimate - reach * se, estimate + reach * se
        if kind == "means":
            return low, high
        if kind == "weights":
            odds = np.log(estimate) - np.log1p(-estimate)
            away = reach * se / (estimate * (1 - estimate))
            inside = (estimate > 0) & (estimate < 1)
            return (np.where(inside, 1 / (1 + np.exp(away - odds)), low),
                    np.where(inside, 1 / (1 + np.exp(-away - odds)), high))
        away = np.exp(reach * (se / estimate))
        positive = np.ones(estimate.shape, np.bool_)
        if kind == "covariances":
            positive &= np.eye(estimate.shape[-1], dtype=np.bool_)
        return np.where(positive, estimate / away, low), np.where(positive, estimate * away, high)


@dataclass(frozen=True, slots=True)
class Estimate:
    """One parameter: its name, component (from 0), estimate, standard error and interval, or a
    note that says why there is none (then `se`, `low` and `high` are NaN)."""

    name: str
    component: int
    estimate: float
    se: float
    low: float
    high: float
    note: str | None = None


def natural(mixture: Mixture) -> dict[str, Floats]:
    """The parameters that people read: weights (k,), means (k, d), sds (k, d), covariances
    (k, d, d)."""
    factors = mixture.covariance.factors
    largest = np.abs(factors).max(axis=2, keepdims=True)
    # Not from Σ: the squares of what is small or large are no doubles.
    sds = largest[:, :, 0] * np.sqrt(((factors / largest) ** 2).sum(axis=2))
    with np.errstate(over="ignore", under="ignore"):
        covariances = np.array(mixture.covariance.dense())
    return {"weights": np.array(mixture.weights), "means": np.array(mixture.means), "sds": sds,
            "covariances": covariances}


@dataclass(frozen=True, slots=True, eq=False)
class Uncertainty:
    """How sure the parameters of a fit are.

    method      "observed", "sandwich", "scores", or a bootstrap's name
    level       coverage of the intervals, 0.95
    columns     (d,) names of the columns
    quantities  `Quantity` of weights (k,), means (k, d), sds (k, d) and covariances (k, d, d)
    remarks     what should be known of all of them, in words
    replicates  refits that a bootstrap rests on, 0 for the other methods

    Standard errors are in the units of their parameters, NaN where there is none.

    >>> import emix
    >>> fit = emix.fit(emix.datasets.load("faithful")["waiting"], 2, covariance="E")
    >>> fit.uncertainty.means[:, 0].round(4).tolist()
    [0.6461, 0.4763]
    """

    method: str
    level: float
    columns: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    remarks: tuple[str, ...] = ()
    replicates: int = 0

    def of(self, kind: str) -> Quantity:
        """The `Quantity` of "weights", "means", "sds" or "covariances"."""
        if kind not in KINDS:
            raise ParameterError(f"kind={kind!r}; expected one of {', '.join(KINDS)}")
        return self.quantities[KINDS.index(kind)]

    @property
    def weights(self) -> Floats:
        """Standard errors of the weights, (k,)."""
        return self.of("weights").se

    @property
    def means(self) -> Floats:
        """Standard errors of the means, (k, d)."""
        return self.of("means").se

    @property
    def sds(self) -> Floats:
        """Standard errors of standard deviations: (k,) in one column, else (k, d) by column."""
        se = self.of("sds").se
        return se[:, 0] if len(self.columns) == 1 else se

    @property
    def covariances(self) -> Floats:
        """Standard errors of covariances, (k, d, d); 0 where the structure says 0."""
        return self.of("covariances").se

    @property
    def notes(self) -> tuple[str, ...]:
        """Why there is no standard error where there is none, each reason once."""
        reasons: dict[str, list[str]] = {}
        for row in self.table():
            if row.note is not None:
                reasons.setdefault(row.note, []).append(row.name)
        return tuple(f"{_shortened(names)}: {reason}" for reason, names in reasons.items())

    def table(self) -> list[Estimate]:
        """A row for each parameter: weights, means, standard deviations, covariances of two
        columns each once."""
        return list(self._rows())

    def _rows(self) -> Iterator[Estimate]:
        for quantity in self.quantities:
            for index in np.ndindex(quantity.estimate.shape):
                if len(index) == 3 and index[1] <= index[2]:
                    continue
                estimate, se, low, high = (float(array[index]) for array in (
                    quantity.estimate, quantity.se, quantity.low, quantity.high))
                if len(index) == 3 and estimate == se == 0:
                    continue  # 0 in this structure, whatever the data
                yield Estimate(self._name(quantity.kind, index), index[0], estimate, se, low, high,
                               quantity.notes.get(index))

    def _name(self, kind: str, index: tuple[int, ...]) -> str:
        words = [{"covariances": "covariance"}.get(kind, kind[:-1]), str(index[0] + 1)]
        if len(index) > 1 and len(self.columns) > 1:
            words.append(" × ".join(self.columns[j] for j in reversed(index[1:])))
        return " ".join(words)

    def report(self) -> str:
        """The table in words, for people."""
        rows, percent = self.table(), f"{100 * self.level:g}%"
        width = max(len(row.name) for row in rows)
        lines = [f"{'':{width}} {'estimate':>12} {'std. error':>12}   {percent} interval"]
        for row in rows:
            line = f"{row.name:{width}} {row.estimate:>12.6g} "
            line += f"{'-':>12}   {row.note}" if row.note is not None else \
                f"{row.se:>12.4g}   {row.low:.6g} to {row.high:.6g}"
            lines.append(line)
        return "\n".join([f"Standard errors: {described(self)}", "", *lines, "", *self.remarks]
                         ).rstrip()

    def plot(self, ax: Axes | None = None, kind: str = "means", column: int = 0) -> Axes:
        """Intervals of the components' "weights", "means" or "sds", in one column; needs the extra
        `plot`. See `plots.plot_intervals`."""
        from emix.plots import plot_intervals

        return plot_intervals(self, ax=ax, kind=kind, column=column)

    def to_dict(self) -> dict[str, Any]:
        """As plain data: standard errors and intervals by kind, None where there are none."""
        arrays = {q.kind: {"se": _plain(q.se), "low": _plain(q.low), "high": _plain(q.high)}
                  for q in self.quantities}
        return {"method": self.method, "level": self.level, "replicates": self.replicates,
                **arrays, "notes": list(self.notes), "remarks": list(self.remarks)}

    def __str__(self) -> str:
        return self.report()


METHODS = {
    "observed": "from the observed information, the curvature of the log-likelihood",
    "sandwich": "from the sandwich of curvature and scores, which holds where the model does not",
    "scores": "from the outer product of scores",
    "bootstrap": "from refits to rows drawn with replacement",
    "parametric": "from refits to rows drawn from the fitted mixture",
    "weighted": "from refits with random weights on the rows",
    "jackknife": "from refits with one row left out",
}


def described(uncertainty: Uncertainty) -> str:
    """The method in words."""
    many = uncertainty.replicates
    return METHODS[uncertainty.method] + (f" ({many} of them)" if many else "")


def _shortened(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and " \
        f"{len(names) - 5} more"


def _plain(array: Floats) -> Any:
    """Nested lists, None for what is no number."""
    if array.ndim == 0:
        return float(array) if np.isfinite(array) else None
    return [_plain(each) for each in array]


def mapped(
    estimates: dict[str, Floats], errors: Callable[[str], Floats],
    notes: dict[str, dict[tuple[int, ...], str]], level: float,
) -> tuple[Quantity, ...]:
    """A `Quantity` of each kind, NaN where there is a note."""
    found = []
    for kind in KINDS:
        se = np.array(errors(kind))
        for index in notes[kind]:
            se[index] = np.nan
        found.append(Quantity.of(kind, estimates[kind], se, level, notes[kind]))
    return tuple(found)
