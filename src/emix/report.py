"""Fit to plain data, and to a page of words and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emix.inference.quantities import described
from emix.inference.standard_errors import HELD
from emix.names import listed

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.inference.quantities import Uncertainty
    from emix.mixture import Mixture
    from emix.optimum import Optimum
    from emix.result import Fit

# Columns and components shown in a table, and columns up to which correlations are.
MOST_LINES = 30
MOST_COMPONENTS = 64
MOST_CORRELATED = 4


def plain(fit: Fit) -> dict[str, Any]:
    """The fit as JSON-ready data: the object that `emix fit --json` prints."""
    return {
        "n": fit.n if fit.n != int(fit.n) else int(fit.n),
        "k": fit.k,
        "effective_k": fit.effective_k,
        "covariance": fit.covariance,
        "model": fit.model.describe(),
        "loglik": fit.loglik,
        "objective": fit.objective,
        "df": fit.df,
        "aic": fit.aic,
        "bic": fit.bic,
        "icl": fit.icl,
        "converged": fit.converged,
        "outcome": fit.outcome.value,
        "n_iter": fit.n_iter,
        "gradient": fit.gradient,
        "mixture": fit.mixture.to_dict(),
        "optima": [_plain_optimum(optimum) for optimum in fit.optima],
        "degenerate": [
            {"component": d.component, "reason": d.reason} for d in fit.degenerate
        ],
        "warnings": list(fit.warnings),
        "columns": list(fit.columns),
        "compression": None if fit.compression is None else fit.compression.to_dict(),
        "seed": fit.seed,
        "kernel": fit.kernel,
        "uncertainty": None if fit.uncertainty is None else fit.uncertainty.to_dict(),
        "neglect": fit.neglect,
        "neglected": fit.neglected,
    }


def _plain_optimum(optimum: Optimum) -> dict[str, Any]:
    return {
        "loglik": optimum.loglik,
        "objective": optimum.objective,
        "starts": optimum.starts,
        "outcome": optimum.outcome.value,
        "degenerate": [d.component for d in optimum.degenerate],
        "mixture": optimum.mixture.to_dict(),
    }


def text(fit: Fit) -> str:
    """The fit for people: the model in words, how good, the components, the optima, warnings."""
    lines = [f"{listed(fit.columns, str)}: {fit.model.describe()}", ""]
    lines += _measures(fit)
    lines += ["", *_components(fit), "", *_optima(fit)]
    if fit.warnings:
        lines += ["", *(f"Warning: {warning}" for warning in fit.warnings)]
    else:
        lines += ["", "No warnings."]
    return "\n".join(lines)


def _measures(fit: Fit) -> list[str]:
    prior = "" if fit.model.prior.is_flat else f"   log-posterior {fit.objective:.5f}"
    lines = [
        f"log-likelihood {fit.loglik:.5f}{prior}   n {fit.n:g}   df {fit.df}",
        f"BIC {fit.bic:.3f}   ICL {fit.icl:.3f}   AIC {fit.aic:.3f}   (smaller is better; "
        f"mclust prints BIC as {-fit.bic:.3f}, larger better)",
        f"{fit.outcome.prose}: {fit.gradient:.1e} per row after {fit.n_iter} steps"
        if fit.converged else fit.outcome.prose,
    ]
    if fit.neglect > 0:
        lines.append(f"each E-step looked only at the components near a row: the last one left out "
                     f"{fit.neglected:.1e} nats per row (neglect={fit.neglect:g}); the "
                     f"log-likelihood above is exact")
    return lines if fit.compression is None else [*lines, fit.compression.describe()]


def _components(fit: Fit) -> list[str]:
    lines = _component_rows(fit) if fit.mixture.n_features == 1 else _component_tables(fit)
    if fit.k > MOST_COMPONENTS:
        lines.append(f"{'':>9} and {fit.k - MOST_COMPONENTS} more components")
    if not fit.model.held.is_nothing:
        lines.append(f"{'':>9} = held, not learned")
    return lines + _errors_in_words(fit)


def _errors_in_words(fit: Fit) -> list[str]:
    """What ± is, and why it is missing where it is."""
    errors = fit.uncertainty
    if errors is None:
        return ["", "Standard errors: emix.uncertainty(x, fit)"]
    method = described(errors).partition(",")[0]
    lines = [f"{'':>9} ± standard error, {method}"]
    missing = [note for note in errors.notes if not note.endswith(HELD)]
    return lines + [f"{'':>9} - no standard error: {note}" for note in missing]


def _component_rows(fit: Fit) -> list[str]:
    """One column: a line for each component."""
    mixture, held = fit.mixture, fit.model.held
    lines = [f"{'component':>9} {'weight':>10}  {'mean':>12}  {'sd':>12}  {'expected points':>15}"]
    for j in range(min(fit.k, MOST_COMPONENTS)):
        weight = f"{mixture.weights[j]:.5f}" + _mark(not held.learned_weights[j])
        mean = f"{mixture.means[j, 0]:.6g}" + _mark(not held.learned_means[j, 0])
        sd = f"{mixture.sds[j]:.6g}" + _mark(not held.learned_covariances[j])
        lines.append(f"{j + 1:>9} {weight:>11} {mean:>13} {sd:>13}  "
                     f"{mixture.weights[j] * fit.n:>14.1f}{_flag(fit, j)}")
        if fit.uncertainty is not None:
            of = fit.uncertainty
            weight, mean, sd = _error(of, "weights", j), _error(of, "means", j, 0), \
                _error(of, "sds", j, 0)
            lines.append(f"{'±':>9} {weight:>10}  {mean:>12}  {sd:>12}")
    return lines


def _error(errors: Uncertainty, kind: str, *index: int) -> str:
    """A standard error to two digits more than it is known by; nothing where it is held."""
    quantity = errors.of(kind)
    note = quantity.notes.get(index)
    if note is not None:
        return "" if note == HELD else "-"
    return f"{quantity.se[index]:.3g}"


def _component_tables(fit: Fit) -> list[str]:
    """Several columns: weights, then a table with a line for each column of the data."""
    mixture, held = fit.mixture, fit.model.held
    lines = [f"{'component':>9} {'weight':>10}  {'expected points':>15}"]
    for j in range(min(fit.k, MOST_COMPONENTS)):
        weight = f"{mixture.weights[j]:.5f}" + _mark(not held.learned_weights[j])
        lines.append(f"{j + 1:>9} {weight:>11}  {mixture.weights[j] * fit.n:>14.1f}{_flag(fit, j)}")
        if fit.uncertainty is not None:
            lines.append(f"{'±':>9} {_error(fit.uncertainty, 'weights', j):>10}".rstrip())
    sds, directions = _spreads(mixture)
    fixed = np.repeat(~held.learned_covariances[:, None], len(fit.columns), axis=1)
    lines += ["", *_table("mean", fit.columns, mixture.means, ~held.learned_means,
                           _errors(fit, "means"))]
    lines += ["", *_table("sd", fit.columns, sds, fixed, _errors(fit, "sds"))]
    is_turned = fit.model.structure.scatter_form in ("full", "pooled")
    if is_turned and len(fit.columns) <= MOST_CORRELATED:
        pairs = [(i, j) for i in range(len(fit.columns)) for j in range(i)]
        names = tuple(f"{fit.columns[j]} × {fit.columns[i]}" for i, j in pairs)
        values = np.stack([(directions[:, i] * directions[:, j]).sum(axis=1) for i, j in pairs],
                          axis=1)
        lines += ["", *_table("correlation", names, values, fixed[:, :1].repeat(len(pairs), 1))]
    return lines


def _spreads(mixture: Mixture) -> tuple[Floats, Floats]:
    """σ of each column (k, d), and unit vectors (k, d, d) whose products are correlations.

    From the rows of the factors: the squares of what is small or large are no doubles.
    """
    factors = mixture.covariance.factors
    largest = np.abs(factors).max(axis=2, keepdims=True)
    rows = factors / largest
    lengths = np.sqrt((rows**2).sum(axis=2, keepdims=True))
    return (largest * lengths)[:, :, 0], rows / lengths


def _errors(fit: Fit, kind: str) -> list[list[str]] | None:
    """Standard errors as text, for each column those of the components; None where all are
    held or none is known."""
    errors = fit.uncertainty
    if errors is None:
        return None
    shown = min(fit.k, MOST_COMPONENTS)
    return [[_error(errors, kind, j, i) for j in range(shown)] for i in range(len(fit.columns))]


def _table(
    title: str, names: tuple[str, ...], values: Floats, held: Mask,
    errors: list[list[str]] | None = None,
) -> list[str]:
    """A line for each of `names`, a column for each component: values (k, len(names)), and below
    each line its standard errors."""
    shown, values = names[:MOST_LINES], values[:MOST_COMPONENTS]
    width = max(9, len(title), *(len(name) for name in shown))
    lines = [f"{title:>{width}} " + "".join(f"{f'{j + 1}':>12} " for j in range(len(values)))]
    for i, name in enumerate(shown):
        cells = (f"{f'{values[j, i]:.5g}':>12}{_mark(bool(held[j, i]))}"
                 for j in range(len(values)))
        lines.append(f"{name:>{width}} " + "".join(cells))
        if errors is not None and any(errors[i]):
            lines.append(f"{'±':>{width}} " + "".join(f"{cell:>12} " for cell in errors[i]))
    if len(names) > len(shown):
        lines.append(f"{'':>{width}} and {len(names) - len(shown)} more columns")
    return [line.rstrip() for line in lines]


def _flag(fit: Fit, component: int) -> str:
    return "  degenerate" if any(d.component == component for d in fit.degenerate) else ""


def _mark(is_held: bool) -> str:
    return "=" if is_held else " "


def _optima(fit: Fit) -> list[str]:
    many = len(fit.optima)
    lines = ["The starts found one optimum:" if many == 1 else
             f"The starts found {many} distinct optima; the first is reported above:"]
    has_prior = not fit.model.prior.is_flat
    head = f"{'':>9} {'log-likelihood':>15}  {'below best':>11}  {'starts':>6}"
    lines.append(head + ("    log-posterior" if has_prior else ""))
    for i, optimum in enumerate(fit.optima):
        below = fit.optima[0].objective - optimum.objective
        row = f"{i + 1:>9} {optimum.loglik:>15.5f}  {below:>11.5f}  {optimum.starts:>6}"
        if has_prior:
            row += f"  {optimum.objective:>15.5f}"
        lines.append(row + (f"  {optimum.remark}" if optimum.remark else ""))
    return lines
