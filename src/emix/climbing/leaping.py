"""Two components of one column, all of which is learned: EM's steps, and Newton's where they serve.

Where two components overlap EM creeps: a step leaves most of the way to the summit undone, and
what it leaves is known from the curvature of the objective (Louis 1982,
doi:10.1111/j.2517-6161.1982.tb01203.x): that of known labels, less what not knowing them takes
away. In five parameters a step of Newton's costs little more than one of EM's. It is taken where
the objective curves down in every direction; elsewhere the curvature of known labels is added until
it does (Levenberg 1944, doi:10.1090/qam/10666), which turns the step towards EM's; where EM's goes
further than the step was let, that is taken. A step that does not climb is taken back, EM's own
taken in its place, and the next goes less far: so the objective never falls.

The native kernel does the same (`native/pair_column.hpp`); this is for where there is none, and
holds it to its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats
from emix.climbing.climb import FALL, Climb, Outcome, Stop
from emix.covariance import Isotropic
from emix.em import Step, expect
from emix.maximise import maximise, steepest
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.model import Model
    from emix.sources.array import ArraySource
    from emix.statistics import Statistics

# How far a step may go: in the logit of a weight, the means in their own standard deviations, and
# the logarithms of these.
FURTHEST = np.array([1.0, 0.5, 0.5, 0.5, 0.5])
# Shares of the curvature of known labels, tried one after another. Near a ridge the objective
# hardly curves the wrong way: much would stop it there.
DAMPING = (0.0, 2.0**-8, 2.0**-6, 2.0**-4, 0.25, 1.0, 4.0)
# A pivot of less than this share of its diagonal is not safely positive.
LEAST_PIVOT = 1e-9


def serves(model: Model) -> bool:
    """Whether it is two components of one column without held values, ties or priors."""
    free = model.held.is_nothing and not model.structure.is_common and model.prior.is_flat
    return model.n_components == 2 and model.n_features == 1 and free


def climb_pair(
    source: ArraySource, start: Mixture, model: Model, stop: Stop,
    watch: Callable[[Step, float], bool | None] | None = None,
) -> Climb:
    """As `climbing.climb`, in fewer steps, to the same summits; data, start and model are in
    internal units."""
    trust = 1.0
    trace: list[float] = []
    now = last = _look(source, start, model, 0)
    while True:
        slack = FALL * (abs(last.objective) + now.total)
        if not now.is_finite or now.objective < last.objective - slack:
            end, outcome = last, Outcome.FELL if now.is_finite else Outcome.NOT_FINITE
            break
        trace.append(now.objective)
        enough = watch is not None and watch(now.step, now.slope)
        end, outcome = now, Outcome.CONVERGED if now.slope <= stop.tol else Outcome.NOT_CONVERGED
        if outcome is Outcome.CONVERGED or enough or now.step.iteration >= stop.max_iter:
            break
        last, after = now, now.step.iteration + 1
        image = maximise(last.step.statistics, last.mixture, model)
        leapt = _leap(source, last, model, trust, image)
        if leapt is not None:
            now = _look(source, leapt, model, after)
            if now.is_finite and now.objective >= last.objective - slack:
                trust = 2 * trust if trust < 0.5 else 1.0
                continue
            trust *= 0.25
        now = _look(source, image, model, after)
    step = end.step
    return Climb(end.mixture, step.loglik, end.objective, end.slope, step.iteration, outcome,
                 np.array(trace))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A step, the slope there, and the sum of all weights."""

    step: Step
    slope: float
    total: float

    @property
    def mixture(self) -> Mixture:
        return self.step.mixture

    @property
    def objective(self) -> float:
        return self.step.objective

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.objective) and math.isfinite(self.slope)


def _look(source: ArraySource, mixture: Mixture, model: Model, iteration: int) -> _Seen:
    statistics = expect(source, mixture, model)
    slope = steepest(statistics, mixture, model)
    step = Step(iteration, mixture, statistics.loglik, statistics.loglik, statistics)
    return _Seen(step, slope, statistics.total)


# Where the means are at their best what is left of the shift may be less than any double.
@np.errstate(under="ignore")
def _leap(
    source: ArraySource, seen: _Seen, model: Model, trust: float, image: Mixture
) -> Mixture | None:
    """A step of Newton's, or None where no damping makes the objective curve down all around, or
    where it is held back so that EM's, to `image`, goes further."""
    mixture, statistics = seen.mixture, seen.step.statistics
    weights, means, sds = mixture.weights, mixture.means[:, 0], mixture.sds
    s0, s1 = statistics.weight, statistics.shift[:, 0] / sds
    s2 = statistics.scatter.reshape(2) / sds**2
    slopes = np.array([s0[0] - seen.total * weights[0], s1[0], s2[0] - s0[0], s1[1], s2[1] - s0[1]])
    known = np.array([seen.total * weights[0] * weights[1], s0[0], 2 * s0[0], s0[1], 2 * s0[1]])
    curvature = _curvature(source, mixture, statistics, known)
    if not np.isfinite(curvature).all():
        return None
    for share in DAMPING:
        step = _solved(curvature + share * np.diag(known), slopes)
        if step is not None:
            break
    else:
        return None
    reach = float(np.max(np.abs(step) / FURTHEST))
    length = max(reach / trust, 1.0)
    if (share > 0 or length > 1) and _goes_further(mixture, image, reach / length):
        return None
    step = step / length
    widths = sds * np.exp(step[[2, 4]])
    if not (widths > model.floor).all():
        return None
    shares = weights * [math.exp(step[0]), 1.0]
    return Mixture.trusted(
        shares / shares.sum(), (means + sds * step[[1, 3]])[:, None], Isotropic(widths)
    )


def _goes_further(mixture: Mixture, image: Mixture, reach: float) -> bool:
    """Whether it is further from one to the other than this share of how far a step may go."""
    most = (reach * FURTHEST).tolist()

    def are_apart(a: float, b: float, share: float) -> bool:
        # |log(a / b)| > share, or a little less.
        return abs(a - b) > share * min(a, b)

    (w0, w1), (v0, v1) = mixture.weights.tolist(), image.weights.tolist()
    moved, sds = np.abs(image.means - mixture.means)[:, 0].tolist(), mixture.sds.tolist()
    return are_apart(v0 * w1, v1 * w0, most[0]) or any(
        moved[j] > most[1] * sds[j] or are_apart(float(image.sds[j]), sds[j], most[2])
        for j in range(2)
    )


def _curvature(
    source: ArraySource, mixture: Mixture, statistics: Statistics, known: Floats
) -> Floats:
    """Minus the second derivatives of the objective in the logit of the first weight, and mean and
    log σ of each component, means in units of σ: (5, 5)."""
    x, sds = source.points.astype(np.float64), mixture.sds
    w = np.ones(len(x)) if source.sample_weight is None else source.sample_weight
    with np.errstate(all="ignore"):
        u = (x - mixture.means[:, 0]) / sds
        both = w * mixture.responsibilities(source.points).prod(axis=1)
        # The scores of a point under either label: what it says of the logit, μ and log σ.
        one = np.column_stack([np.ones(len(x)), u[:, 0], u[:, 0] ** 2 - 1])
        other = np.column_stack([-u[:, 1], 1 - u[:, 1] ** 2])
        apart = np.column_stack([one, other])
        unknown = (apart * both[:, None]).T @ np.where(both[:, None] > 0, apart, 0.0)
    first = statistics.shift[:, 0] / sds
    second = statistics.scatter.reshape(2) / sds**2
    labelled = np.diag(known)
    for j in range(2):
        mean, spread = 1 + 2 * j, 2 + 2 * j
        labelled[spread, spread] = 2 * second[j]
        labelled[mean, spread] = labelled[spread, mean] = 2 * first[j]
    curvature: Floats = labelled - unknown
    return curvature


@np.errstate(under="ignore")
def _solved(curvature: Floats, slopes: Floats) -> Floats | None:
    """x with curvature · x = slopes; None where curvature is not safely positive definite."""
    size = len(slopes)
    factor, pivots = np.eye(size), np.zeros(size)
    for j in range(size):
        pivots[j] = curvature[j, j] - (factor[j, :j] ** 2) @ pivots[:j]
        if not pivots[j] > LEAST_PIVOT * curvature[j, j]:
            return None
        below = curvature[j + 1:, j] - factor[j + 1:, :j] @ (factor[j, :j] * pivots[:j])
        factor[j + 1:, j] = below / pivots[j]
    forward = np.linalg.solve(factor, slopes) / pivots
    return np.asarray(np.linalg.solve(factor.T, forward), dtype=np.float64)
