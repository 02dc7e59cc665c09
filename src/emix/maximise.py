"""The M-step, and how far from stationary the E-step found us.

One rule serves every structure: weights, then means, then covariances about the new means. With
a normal prior on means, or with a mean held in some of its columns, the mean is maximised with the
covariance of the step before (conditional maximisation, ECM: Meng & Rubin 1993,
doi:10.1093/biomet/80.2.267). The joint maximum over mean and covariance exists in closed form only
where each component has its own variance and one column (a cubic); the conditional step needs no
such case, never lowers the objective either, and ends at the same stationary points.

A conjugate prior is a handful of imagined points beside those of each component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Dense
from emix.covariance.factoring import MANY_COLUMNS, whitened_each
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.model import Model
    from emix.statistics import Statistics


def maximise(statistics: Statistics, old: Mixture, model: Model) -> Mixture:
    """The mixture that the statistics, gathered at `old`, call for under `model`."""
    # What a component far from all points has of them may be less than any double.
    with np.errstate(under="ignore"):
        weights = _weights(statistics, old, model)
        means = _means(statistics, old, model)
        learned = model.held.learned_covariances
        covariance = old.covariance
        if learned.any():
            scatter, counts = _spread(statistics.scatter_about(means), means, statistics, model)
            covariance = model.structure.maximise(
                old.covariance, scatter, counts, learned, model.floor
            )
    return Mixture.trusted(weights, means, covariance)


def _spread(
    scatter: Floats, means: Floats, statistics: Statistics, model: Model
) -> tuple[Floats, Floats]:
    """Scatter and counts that covariances are estimated from, with what the prior imagines."""
    imagined = model.prior.imagined
    if imagined is None:
        return scatter, statistics.weight
    extra = imagined.scatter_about(means, model.structure.scatter_form)
    return scatter + extra, statistics.weight + imagined.weight


def _counts(statistics: Statistics, model: Model) -> Floats:
    """Expected points per component, with those the Dirichlet prior imagines: (k,)."""
    return statistics.weight + (model.prior.concentration - 1)


def _weights(statistics: Statistics, old: Mixture, model: Model) -> Floats:
    learned = model.held.learned_weights
    if not learned.any():
        return old.weights
    counts = _counts(statistics, model)
    total = float(counts[learned].sum())
    if total <= 0:
        return old.weights
    if learned.all():
        weights: Floats = counts / total
        return weights
    weights = old.weights.copy()
    left = 1.0 - float(model.held.weights[~learned].sum())
    weights[learned] = left * (counts[learned] / total)
    return weights


def _means(statistics: Statistics, old: Mixture, model: Model) -> Floats:
    learned, prior = model.held.learned_means, model.prior
    if not learned.any():
        return old.means
    count, shift = statistics.weight, statistics.shift
    if prior.imagined is not None:
        count = count + prior.imagined.count
        shift = shift + prior.imagined.count * (prior.imagined.mean - old.means)
    if prior.means is None and (old.n_features == 1 or learned.all()):
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = old.means + shift / count[:, None]
        means: Floats = np.where(learned & (count > 0)[:, None], moved, old.means)
        return means
    means = old.means.copy()
    for component in np.flatnonzero(learned.any(axis=1) & (count > 0)).tolist():
        free = learned[component]
        score, information = _quadratic(component, count[component], shift[component], old, model)
        means[component, free] += np.linalg.solve(information[np.ix_(free, free)], score[free])
    return means


def _quadratic(
    component: int, count: float, shift: Floats, old: Mixture, model: Model
) -> tuple[Floats, Floats]:
    """Gradient (d,) and negative Hessian (d, d) of the objective in one component's mean:

    Σ⁻¹ Σ_i r (x − μ) + T⁻¹ (m − μ) and n Σ⁻¹ + T⁻¹, T the prior's variances on the diagonal.
    """
    d = old.n_features
    root = old.covariance.whiten(np.eye(d), component)
    precision = root @ root.T
    score, information = precision @ shift, count * precision
    prior = model.prior.means
    if prior is not None:
        score = score + (prior.mean - old.means[component]) / prior.sd**2
        information = information + np.diag(1 / prior.sd**2)
    return score, information


def gradient(statistics: Statistics, mixture: Mixture, model: Model) -> Floats:
    """The gradient of the objective per unit of row weight, for each learned parameter.

    Taken in coordinates without units: weights on the logistic scale, means in their component's
    standard deviations, covariances along the structure's own directions (`Structure.gradient`).
    Then it is zero just at the stationary points of EM, and its size says how many expected points
    are misplaced. A spread that rests on the floor and would shrink counts as stationary.
    """
    with np.errstate(under="ignore"):
        return _gradient(statistics, mixture, model)


def steepest(statistics: Statistics, mixture: Mixture, model: Model) -> float:
    """The gradient's largest component, by which climbs end: 0 at a stationary point."""
    return float(np.abs(gradient(statistics, mixture, model)).max())


def _gradient(statistics: Statistics, mixture: Mixture, model: Model) -> Floats:
    held, total = model.held, statistics.total
    parts = [np.zeros(1)]
    learned = held.learned_weights
    if learned.sum() > 1:
        counts = _counts(statistics, model)[learned]
        shares = mixture.weights[learned] / mixture.weights[learned].sum()
        parts.append(counts - shares * counts.sum())
    if held.learned_means.any():
        parts.append(_mean_scores(statistics, mixture, model))
    if held.learned_covariances.any():
        scatter, counts = _spread(statistics.scatter, mixture.means, statistics, model)
        parts.append(model.structure.gradient(
            mixture.covariance, scatter, counts, held.learned_covariances, model.floor
        ))
    return np.concatenate(parts) / total


def _mean_scores(statistics: Statistics, mixture: Mixture, model: Model) -> Floats:
    """The gradient in the means, in standard deviations, one after the other.

    A mean that is learned in all its columns is taken in whitened coordinates; one that is held in
    some, in the standard deviations of the others.
    """
    learned, prior = model.held.learned_means, model.prior
    covariance, shift = mixture.covariance, statistics.shift
    if prior.imagined is not None:
        shift = shift + prior.imagined.count * (prior.imagined.mean - mixture.means)
    if isinstance(covariance, Dense) and learned.all() and prior.means is None and \
            shift.shape[1] < MANY_COLUMNS:
        # One after the other takes longer than an E-step when there are thousands.
        return whitened_each(covariance.factors, shift).ravel()
    scores = []
    for component in np.flatnonzero(learned.any(axis=1)).tolist():
        free = learned[component]
        if not free.all():
            score, _ = _quadratic(component, 0.0, shift[component], mixture, model)
            sds = np.sqrt((covariance.factors[component] ** 2).sum(axis=1))
            scores.append((score * sds)[free])
            continue
        score = covariance.whiten(shift[component][None], component)[0]
        if prior.means is not None:
            pull = (prior.means.mean - mixture.means[component]) / prior.means.sd**2
            # Rᵀ in the whitening's own root: along the axes, where covariances have them.
            score = score + covariance.unwhiten(np.eye(len(pull)), component) @ pull
        scores.append(score)
    return np.concatenate(scores)
