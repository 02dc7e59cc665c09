"""The M-step, and how far from stationary the E-step found us.

One rule serves every structure: weights, then means, then covariances about the new means. With
a normal prior on means the mean is maximised with the covariance of the step before (conditional
maximisation, ECM: Meng & Rubin 1993, doi:10.1093/biomet/80.2.267). The joint maximum over mean
and variance exists in closed form only where each component has its own variance and one column
(a cubic); the conditional step needs no such case, never lowers the objective either, and ends
at the same stationary points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Isotropic
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.model import Model
    from emix.statistics import Statistics


def maximise(statistics: Statistics, old: Mixture, model: Model) -> Mixture:
    """The mixture that the statistics, gathered at `old`, call for under `model`."""
    weights = _weights(statistics, old, model)
    means = _means(statistics, old, model)
    learned = model.held.learned_sds
    covariance = old.covariance
    if learned.any():
        with np.errstate(under="ignore"):
            scatter = statistics.scatter_about(means)
            covariance = model.structure.maximise(
                old.covariance, scatter, statistics.weight, learned, model.floor
            )
    return Mixture.trusted(weights, means, covariance)


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
    weights[learned] = left * counts[learned] / total
    return weights


def _means(statistics: Statistics, old: Mixture, model: Model) -> Floats:
    learned = model.held.learned_means & (statistics.weight > 0)[:, None]
    if not learned.any():
        return old.means
    with np.errstate(under="ignore", divide="ignore", invalid="ignore"):
        move = statistics.shift / statistics.weight[:, None]
    prior = model.prior.means
    if prior is not None:
        # Σ⁻¹ of σ²I: with a prior on means, one column is all there is so far.
        assert isinstance(old.covariance, Isotropic)
        precision = 1 / old.covariance.sds[:, None] ** 2
        pull = (prior.mean - old.means) / prior.sd**2
        information = statistics.weight[:, None] * precision + 1 / prior.sd**2
        move = (statistics.shift * precision + pull) / information
    means: Floats = np.where(learned, old.means + move, old.means)
    return means


def gradient(statistics: Statistics, mixture: Mixture, model: Model) -> Floats:
    """The gradient of the objective per unit of row weight, for each learned parameter.

    Taken in coordinates without units: weights on the logistic scale, means in their component's
    standard deviations, standard deviations on the log scale. Then it is zero just at the
    stationary points of EM, and its size says how many expected points are misplaced.
    A standard deviation that rests on the floor and would shrink counts as stationary.
    """
    held, total = model.held, statistics.total
    parts = [np.zeros(1)]
    learned = held.learned_weights
    if learned.sum() > 1:
        counts = _counts(statistics, model)[learned]
        shares = mixture.weights[learned] / mixture.weights[learned].sum()
        parts.append(counts - shares * counts.sum())
    assert isinstance(mixture.covariance, Isotropic)
    sds = mixture.covariance.sds
    if held.learned_means.any():
        score = statistics.shift[:, 0] / sds
        if model.prior.means is not None:
            prior = model.prior.means
            score = score - sds * (mixture.means[:, 0] - prior.mean) / prior.sd**2
        parts.append(score[held.learned_means[:, 0]])
    if held.learned_sds.any():
        widen = statistics.scatter / sds**2 - statistics.weight * mixture.n_features
        if model.structure.is_common:
            widen = np.array([widen.sum()])
            at_floor = sds[:1] <= model.floor
        else:
            widen, at_floor = widen[held.learned_sds], sds[held.learned_sds] <= model.floor
        parts.append(np.where(at_floor & (widen < 0), 0.0, widen))
    return np.concatenate(parts) / total
