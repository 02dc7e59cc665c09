"""Fit to plain data, and to a page of words and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emix.result import Fit, Optimum


def plain(fit: Fit) -> dict[str, Any]:
    """The fit as JSON-ready data: the object that `emix fit --json` prints."""
    return {
        "n": fit.n if fit.n != int(fit.n) else int(fit.n),
        "k": fit.k,
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
        "column": fit.name,
        "seed": fit.seed,
        "kernel": fit.kernel,
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
    lines = [f"{fit.name}: {fit.model.describe()}", ""]
    lines += _measures(fit)
    lines += ["", *_components(fit), "", *_optima(fit)]
    if fit.warnings:
        lines += ["", *(f"Warning: {warning}" for warning in fit.warnings)]
    else:
        lines += ["", "No warnings."]
    return "\n".join(lines)


def _measures(fit: Fit) -> list[str]:
    prior = "" if fit.model.prior.is_flat else f"   log-posterior {fit.objective:.5f}"
    return [
        f"log-likelihood {fit.loglik:.5f}{prior}   n {fit.n:g}   df {fit.df}",
        f"BIC {fit.bic:.3f}   ICL {fit.icl:.3f}   AIC {fit.aic:.3f}   (smaller is better; "
        f"mclust prints BIC as {-fit.bic:.3f}, larger better)",
        f"{fit.outcome.prose}: {fit.gradient:.1e} per row after {fit.n_iter} steps"
        if fit.converged else fit.outcome.prose,
    ]


def _components(fit: Fit) -> list[str]:
    mixture, held = fit.mixture, fit.model.held
    lines = [f"{'component':>9} {'weight':>10}  {'mean':>12}  {'sd':>12}  {'expected points':>15}"]
    for j in range(fit.k):
        weight = f"{mixture.weights[j]:.5f}" + _mark(not held.learned_weights[j])
        mean = f"{mixture.means[j, 0]:.6g}" + _mark(not held.learned_means[j, 0])
        sd = f"{mixture.sds[j]:.6g}" + _mark(not held.learned_sds[j])
        flag = "  degenerate" if any(d.component == j for d in fit.degenerate) else ""
        lines.append(f"{j + 1:>9} {weight:>11} {mean:>13} {sd:>13}  "
                     f"{mixture.weights[j] * fit.n:>14.1f}{flag}")
    if not held.is_nothing:
        lines.append(f"{'':>9} = held, not learned")
    return lines


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
        notes = []
        if optimum.degenerate:
            which = ", ".join(str(d.component + 1) for d in optimum.degenerate)
            notes.append(f"degenerate (component {which})")
        if optimum.outcome.value != "converged":
            notes.append(optimum.outcome.value)
        lines.append(row + ("  " + "; ".join(notes) if notes else ""))
    return lines
