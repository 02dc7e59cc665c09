"""The tables of a page: components, measures, optima."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emix.inference.quantities import described, natural
from emix.inference.standard_errors import HELD
from emix.plots import style
from emix.plots.style import counted, fixed, number
from emix.reporting.markup import Markup, element, table, together

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.inference.quantities import Uncertainty
    from emix.result import Fit

# What a page shows of much: components, columns, columns with correlations, optima.
MOST_COMPONENTS, MOST_COLUMNS, MOST_CORRELATED, MOST_OPTIMA = 40, 40, 5, 25


def name_of(component: int, fit: Fit | None = None) -> Markup:
    """A component's number, with its colour in the pictures before it; of a `fit`, whether it is
    degenerate."""
    place = component % len(style.PALETTE) + 1
    dot = element("span", class_="dot", style=f"background: var(--c{place}, "
                                              f"{style.colour(component)})", aria_hidden="true")
    bad = fit is not None and any(d.component == component for d in fit.degenerate)
    return together([dot, str(component + 1), element("small", "degenerate") if bad else ""])


def measures(fit: Fit) -> Markup:
    """How good, in numbers, with what each means."""
    rows: list[tuple[object, str, str]] = [
        ("log-likelihood", fixed(fit.loglik, 5), "natural logarithm, in the units of the data")]
    if not fit.model.prior.is_flat:
        rows.append(("log-posterior", fixed(fit.objective, 5),
                     "log-likelihood and log prior density: what EM climbed"))
    n = counted(int(fit.n)) if fit.n == int(fit.n) else number(fit.n, 8)
    rows += [
        ("n", n, "rows" if fit.n == int(fit.n) else "total weight of the rows"),
        ("free parameters", str(fit.df), "df in BIC and AIC"),
        ("BIC", fixed(fit.bic, 3), f"−2 log-likelihood + df log n: smaller is better; mclust "
                                   f"prints {fixed(-fit.bic, 3)}, larger better"),
        ("ICL", fixed(fit.icl, 3), "BIC, and a charge for rows whose component is unsure"),
        ("AIC", fixed(fit.aic, 3), "−2 log-likelihood + 2 df: smaller is better"),
        ("gradient", number(fit.gradient, 2), "of the objective, per row and without units: 0 at "
                                              "an optimum"),
    ]
    cells = [(name, value, element("span", words, class_="words")) for name, value, words in rows]
    return table("Measures of the fit", ("measure", "value", ""), cells)


def components(fit: Fit) -> Markup:
    """All that was learned of each component, with standard errors and intervals where known."""
    made = _of_one(fit) if fit.mixture.n_features == 1 else _of_several(fit)
    return together([*made, element("p", *_notes(fit), class_="note")])


def _of_one(fit: Fit) -> list[Markup]:
    cells = Cells(fit)
    rows = [(name_of(j, fit), cells.of("weights", j), cells.of("means", j, 0),
             cells.of("sds", j, 0), _expected(fit, j)) for j in cells.shown]
    return [table("Weights, means and standard deviations",
                  ("component", "weight", "mean", "standard deviation", "expected points"), rows)]


def _of_several(fit: Fit) -> list[Markup]:
    cells, d = Cells(fit), len(fit.columns)
    rows = [(name_of(j, fit), cells.of("weights", j), _expected(fit, j)) for j in cells.shown]
    made = [table("Weights", ("component", "weight", "expected points"), rows)]
    numbers = [name_of(j) for j in cells.shown]
    for kind, caption in (("means", "Means"), ("sds", "Standard deviations")):
        lines = [(fit.columns[i], *(cells.of(kind, j, i) for j in cells.shown))
                 for i in range(min(d, MOST_COLUMNS))]
        made.append(table(caption, ("column", *numbers), lines))
    if d <= MOST_CORRELATED and fit.model.structure.scatter_form in ("full", "pooled"):
        made.append(table("Correlations", ("columns", *numbers), _correlations(fit, cells.shown)))
    return made


def _correlations(fit: Fit, shown: range) -> Iterable[Sequence[object]]:
    factors = fit.mixture.covariance.factors
    largest = np.abs(factors).max(axis=2, keepdims=True)
    rows = factors / largest
    unit = rows / np.sqrt((rows**2).sum(axis=2, keepdims=True))
    for i in range(len(fit.columns)):
        for j in range(i):
            both = (unit[:, i] * unit[:, j]).sum(axis=1)
            yield (f"{fit.columns[j]} × {fit.columns[i]}",
                   *(fixed(float(both[c]), 4) for c in shown))


def _expected(fit: Fit, component: int) -> str:
    """How many rows a component expects."""
    return fixed(float(fit.mixture.weights[component] * fit.n), 1)


class Cells:
    """The cells of parameters: estimate ± standard error, and an interval below."""

    def __init__(self, fit: Fit) -> None:
        self.errors: Uncertainty | None = fit.uncertainty
        self.shown = range(min(fit.k, MOST_COMPONENTS))
        self._values = natural(fit.mixture)
        held = fit.model.held
        every = np.repeat(~held.learned_covariances[:, None], fit.mixture.n_features, axis=1)
        self._held: dict[str, Mask] = {"weights": ~held.learned_weights,
                                       "means": ~held.learned_means, "sds": every}
        d = fit.mixture.n_features
        # A mean has as many digits as tell where in the whole it lies.
        self._spreads: Floats = np.array([style.spread(fit.mixture.marginal(i)) if d > 1 else
                                          style.spread(fit.mixture) for i in range(d)])

    def of(self, kind: str, *index: int) -> Markup:
        """The cell of one parameter."""
        value = float(self._values[kind][index])
        if self._held[kind][index]:
            return together([_plain(value), element("small", "held")])
        quantity = None if self.errors is None else self.errors.of(kind)
        if quantity is None or index in quantity.notes:
            return together([self._estimate(kind, value, index)])
        se = float(quantity.se[index])
        finest = min(style.magnitude(se) - 1 if se > 0 else 0, self._finest(kind, value, index))
        interval = (f"{style.to_the_digit(float(quantity.low[index]), finest)} to "
                    f"{style.to_the_digit(float(quantity.high[index]), finest)}")
        return together([f"{style.to_the_digit(value, finest)} ± {number(se)}",
                         element("small", interval)])

    def _finest(self, kind: str, value: float, index: tuple[int, ...]) -> int:
        """The power of ten of the last digit worth showing."""
        if kind == "means":
            return style.magnitude(float(self._spreads[index[1]])) - 3
        return style.magnitude(value) - 3 if value > 0 else 0

    def _estimate(self, kind: str, value: float, index: tuple[int, ...]) -> str:
        return style.to_the_digit(value, self._finest(kind, value, index))


def _plain(value: float) -> str:
    """A number that was given, with the digits it was given with."""
    return f"{value:.12g}".replace("-", "−")


def _notes(fit: Fit) -> list[str]:
    found = []
    if fit.k > MOST_COMPONENTS:
        found.append(f"{fit.k - MOST_COMPONENTS} more components are not shown. ")
    if len(fit.columns) > MOST_COLUMNS:
        found.append(f"{len(fit.columns) - MOST_COLUMNS} more columns are not shown. ")
    errors = fit.uncertainty
    if errors is None:
        found.append("Standard errors take longer for so much data: emix.uncertainty(x, fit).")
        return found
    found.append(f"± standard error, {described(errors)}; below, an interval of "
                 f"{100 * errors.level:g}%.")
    found += [f" No standard error: {note}." for note in errors.notes if not note.endswith(HELD)]
    return found + [f" {remark}." for remark in errors.remarks]


def optima(fit: Fit) -> Markup:
    """Each distinct optimum that the search found."""
    has_prior = not fit.model.prior.is_flat
    head = ["", "log-likelihood", *(["log-posterior"] if has_prior else []), "below the first",
            "runs", ""]
    best = fit.optima[0].objective
    rows = []
    for i, optimum in enumerate(fit.optima[:MOST_OPTIMA]):
        posterior = [fixed(optimum.objective, 5)] if has_prior else []
        rows.append([str(i + 1), fixed(optimum.loglik, 5), *posterior,
                     fixed(best - optimum.objective, 5), str(optimum.starts),
                     element("span", optimum.remark, class_="words")])
    more = len(fit.optima) - MOST_OPTIMA
    return table("Distinct optima", head, rows, f"{more} more are not shown." if more > 0 else "")


def means_of(fit: Fit, most: int) -> Iterable[list[object]]:
    """Rows of a small table: component, weight, means ± sds in at most so many columns."""
    values = natural(fit.mixture)
    for j in range(min(fit.k, MOST_COMPONENTS)):
        parts: list[object] = [name_of(j), style.share(float(fit.mixture.weights[j]))]
        for i in range(min(len(fit.columns), most)):
            part = fit.mixture.marginal(i) if len(fit.columns) > 1 else fit.mixture
            parts.append(style.mean_and_sd(float(values["means"][j, i]),
                                           float(values["sds"][j, i]), style.spread(part)))
        yield parts
