"""The EM-test of one normal against a mixture of two, in one column.

Chen & Li 2009, doi:10.1214/08-AOS651. For a few weights α the two components are fitted with α
fixed and penalties that keep standard deviations near the data's and α off its ends; a few EM steps
then let α go. The statistic has a simple limit that the likelihood ratio has not: χ² with two
degrees of freedom where each component has its own σ; with one σ for both, with F that of χ² with
one, P(≤ t) = F(t − Δ) (½ + ½ F(t)).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import LOG_2PI
from emix.errors import ParameterError
from emix.ground import ground_of
from emix.inference.component_tests import ComponentTest
from emix.inference.resampling import Rows

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.result import Fit

# The weights that the paper begins at, and its penalties on σ: own σ, and one for both.
ALPHAS = (0.1, 0.3, 0.5)
PENALTY = {"V": 0.25, "E": 1.0}
FREE_STEPS = 2
STARTS = 8
MOST_STEPS = 500
# A change of the penalised log-likelihood, in a step, that no statistic shows.
ARRIVED = 1e-4


def em_test(x: object, fit: Fit, sample_weight: object = None) -> ComponentTest:
    """One component against two, both with the fit's σ of one kind (E) or each its own (V).

    Raises `ParameterError` for a fit of several components or columns, or with anything held.
    """
    if fit.mixture.n_features > 1 or fit.k > 1:
        raise ParameterError(
            f"the EM-test is of one component in one column against two; this fit has {fit.k} in "
            f"{fit.mixture.n_features}: use emix.bootstrap_lrt"
        )
    if not (fit.model.held.is_nothing and fit.model.prior.is_flat):
        raise ParameterError("the EM-test is for fits without priors in which nothing is held; use "
                             "emix.bootstrap_lrt")
    ground = ground_of(x, fit, sample_weight)
    rows = Rows.of(ground.source.block, ground.units)
    z = (rows.points[:, 0] - ground.mixture.means[0, 0]) / ground.mixture.sds[0]
    statistic = max(_statistic(z, rows.weight, alpha, fit.covariance) for alpha in ALPHAS)
    return ComponentTest(1, statistic, _p_value(statistic, fit.covariance), np.zeros(0))


def _p_value(statistic: float, kind: str) -> float:
    if kind == "V":
        return math.exp(-max(statistic, 0.0) / 2)
    gap = 2 * max(_log_share(alpha) for alpha in ALPHAS if alpha != 0.5)
    moved, own = _tail(statistic - gap), _tail(statistic)
    return moved + 0.5 * own - 0.5 * moved * own


def _tail(t: float) -> float:
    """P(> t) of χ² with one degree of freedom."""
    return math.erfc(math.sqrt(t / 2)) if t > 0 else 1.0


def _log_share(alpha: float) -> float:
    """The penalty log(1 − |1 − 2α|)."""
    return math.log(1 - abs(1 - 2 * alpha))


def _statistic(z: Floats, weight: Floats, alpha: float, kind: str) -> float:
    """2 (penalised log-likelihood after the steps − log-likelihood of one normal), of standardised
    data."""
    alphas = np.full(STARTS, alpha)
    means, sds = _starts(z, weight, alpha)
    before = np.full(STARTS, -np.inf)
    for _ in range(MOST_STEPS):
        value, shares = _expect(z, weight, alphas, means, sds, kind)
        if (value - before < ARRIVED).all():
            break
        before = value
        means, sds = _maximise(z, shares, kind)
    best = int(np.argmax(before))
    alphas, means, sds = alphas[[best]], means[[best]], sds[[best]]
    for _ in range(FREE_STEPS):
        _, shares = _expect(z, weight, alphas, means, sds, kind)
        alphas = _best_alphas(shares.sum(axis=1))
        means, sds = _maximise(z, shares, kind)
    value, _ = _expect(z, weight, alphas, means, sds, kind)
    null = -0.5 * float(weight.sum()) * (1 + LOG_2PI)
    return 2 * float(value[0] + _log_share(float(alphas[0])) - null)


def _best_alphas(counts: Floats) -> Floats:
    """The α (s,) at which n₁ log α + n₂ log(1 − α) + log(1 − |1 − 2α|) is largest; counts n
    (s, 2)."""
    first, total = counts[:, 0], counts.sum(axis=1)
    best: Floats = np.where(first <= total / 2, np.minimum((first + 1) / (total + 1), 0.5),
                            np.maximum(first / (total + 1), 0.5))
    return best


def _starts(z: Floats, weight: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Means and sds (s, 2): the lower or upper share alpha of the data beside the rest, one within
    the other, and some at random, the same each time."""
    rng = np.random.default_rng(0)
    means = rng.uniform(z.min(), z.max(), (STARTS, 2))
    sds = rng.uniform(0.2, 1.0, (STARTS, 2))
    order = np.argsort(z)
    below = np.cumsum(weight[order]) / weight.sum() <= alpha
    for row, low in enumerate((below, ~(np.cumsum(weight[order][::-1])[::-1] / weight.sum()
                                        <= alpha))):
        first = low if row == 0 else ~low
        for column, group in enumerate((first, ~first)):
            if group.any():
                means[row, column] = np.average(z[order][group], weights=weight[order][group])
        sds[row] = 0.7
    means[2:4] = 0.0
    sds[2], sds[3] = (0.5, 1.1), (1.5, 0.8)
    return means, sds


def _expect(
    z: Floats, weight: Floats, alphas: Floats, means: Floats, sds: Floats, kind: str
) -> tuple[Floats, Floats]:
    """Penalised log-likelihoods (s,), without the penalty on α, and w r (s, n, 2)."""
    shares = np.stack([alphas, 1 - alphas], axis=1)
    u = (z[:, None] - means[:, None]) / sds[:, None]
    logs = np.log(shares / sds)[:, None] - 0.5 * (u**2 + LOG_2PI)
    largest = logs.max(axis=2, keepdims=True)
    with np.errstate(under="ignore"):
        densities = np.exp(logs - largest)
    total = densities.sum(axis=2, keepdims=True)
    loglik = (largest + np.log(total))[:, :, 0] @ weight
    variances = sds**2 if kind == "V" else sds[:, :1] ** 2
    penalty = PENALTY[kind] * (1 / variances + np.log(variances) - 1).sum(axis=1)
    return loglik - penalty, weight[:, None] * densities / total


def _maximise(z: Floats, shares: Floats, kind: str) -> tuple[Floats, Floats]:
    counts = shares.sum(axis=1)
    means = np.einsum("snc,n->sc", shares, z) / np.maximum(counts, 1e-300)
    scatter = (shares * (z[:, None] - means[:, None]) ** 2).sum(axis=1)
    penalty = 2 * PENALTY[kind]
    if kind == "E":
        common = (scatter.sum(axis=1) + penalty) / (counts.sum(axis=1) + penalty)
        return means, np.sqrt(np.repeat(common[:, None], 2, axis=1))
    return means, np.sqrt((scatter + penalty) / (counts + penalty))
