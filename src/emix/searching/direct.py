"""One column, from raw rows to optima in the units of the data, in one native call.

For a few hundred rows the steps of `fit` take longer to call from Python than to do: moments,
units, sorting, search, and the way back. The kernel does them in one go, for one column or for many
at a time, each as `searching.finding` would; so a fit is the same to the bit whether it is made
alone or among ten thousand. What the data refuses, what needs more than a search on all rows, and
what EM's own steps do not bring to an end soon, the kernel leaves alone, for the ordinary way to do
or to refuse by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.climb import NATIVE_OUTCOMES, Climb, Outcome, native_terms
from emix.covariance import Isotropic
from emix.kernels import NATIVE
from emix.mixture import Mixture
from emix.model import FLOOR
from emix.searching.plan import CHAINS, PATIENCE, SEARCH_ROWS, SHORT_RUN, WORK, Plan
from emix.searching.search import NUMBERS, most_steps

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from emix.arrays import Floats, Points
    from emix.climbing.climb import Stop
    from emix.model import Model
    from emix.sources.array import ArraySource

NOT_REACHED, FITTED, LEFT_ALONE = range(3)


@dataclass(frozen=True, slots=True)
class Found:
    """One optimum in the units of the data, in canonical order: its climb, what its least worthy
    component is worth, how many starts came to it, and the order (k,) its components had."""

    climb: Climb
    worth: float
    starts: int
    order: Sequence[int]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Σ w, the optima best first, and the classification sums of the best."""

    weight: float
    optima: tuple[Found, ...]
    classification: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best optimum of each of g fits, NaN and 0 where there is none.

    weights, means and sds (g, k); `numbers` (g, 7) and `counts` (g, 4) as the kernel lays them out.
    """

    weights: Floats
    means: Floats
    sds: Floats
    numbers: Floats
    counts: NDArray[np.int64]

    @property
    def loglik(self) -> Floats:
        return self.numbers[:, 0]

    @property
    def worths(self) -> Floats:
        """What the least worthy component of each is worth."""
        return self.numbers[:, 3]

    @property
    def n(self) -> Floats:
        """Σ w"""
        return self.numbers[:, 4]

    @property
    def hard(self) -> Floats:
        """Σ w log max_k r"""
        return self.numbers[:, 5]

    @property
    def status(self) -> NDArray[np.int64]:
        """`FITTED`, `LEFT_ALONE` to the caller, or `NOT_REACHED` before Ctrl-C."""
        return self.counts[:, 0]

    @property
    def outcomes(self) -> NDArray[np.int64]:
        """Places in `NATIVE_OUTCOMES`."""
        return self.counts[:, 2]


def serves(source: ArraySource, model: Model) -> bool:
    """Whether fits of this model to this much data are made in one call."""
    return serves_model(model) and source.n_rows <= SEARCH_ROWS


def serves_model(model: Model) -> bool:
    """Whether fits of this model are."""
    return NATIVE is not None and model.n_features == 1 and model.prior.conjugate is None


def fit_directly(
    source: ArraySource, model: Model, plan: Plan | None, stop: Stop, seed: int, threads: int
) -> Fitted | None:
    """The optima of one column; None where it is for the ordinary way to do or to refuse.

    `model` is in the units of the data; `plan` None searches by default. Ctrl-C ends it with the
    best so far, "interrupted"; KeyboardInterrupt where there is none yet.
    """
    settings = _settings(model, plan, stop)
    made = _native.fit_column(source.points[:, 0], source.sample_weight, settings, seed, threads)
    if made is None:
        return None
    weight, hard, soft, optima, was_cut = made
    k = model.n_components
    found = [_found(k, *numbers) for numbers in optima]
    if was_cut:
        climb = replace(found[0].climb, outcome=Outcome.INTERRUPTED)
        found[0] = replace(found[0], climb=climb)
    return Fitted(weight, tuple(found), (hard, soft))


def fit_many_directly(
    points: Points, sample_weight: Floats | None, begins: NDArray[np.int64], model: Model,
    plan: Plan | None, stop: Stop, seed: int, threads: int,
) -> Best:
    """The best optimum of each of g columns laid one after another in points (n,): column i has the
    rows from begins[i] to begins[i + 1]."""
    settings = _settings(model, plan, stop)
    return Best(*_native.fit_columns(points, sample_weight, begins, settings, seed, threads))


@lru_cache(maxsize=64)
def _settings(model: Model, plan: Plan | None, stop: Stop) -> _native.FitSettings:
    """What is learned and how it is searched for, as the kernel takes it. Made once for many fits,
    each of which takes little longer than this does."""
    # How many swaps are affordable depends on how many points there are, which the kernel sees.
    work = WORK / (SHORT_RUN * CHAINS) if plan is None and model.n_components > 2 else 0.0
    if plan is None:
        plan = Plan.default(model.n_components, 1)
    short = min(plan.short_run, stop.max_iter)
    return _native.FitSettings(
        *native_terms(model)[:-1], FLOOR, [NUMBERS[kind] for kind in plan.starts], plan.chains,
        plan.swaps, plan.settled, short, plan.kept, min(stop.max_iter - short, PATIENCE),
        max(stop.tol, plan.short_tol), stop.tol, SEARCH_ROWS, work, most_steps(stop, 0),
        most_steps(stop, 1),
    )


def _found(
    k: int, numbers: Floats, objective: float, loglik: float, slope: float, worth: float,
    iterations: int, outcome: int, starts: int, order: Sequence[int],
) -> Found:
    """`numbers` are the weights, means and standard deviations (k,) each, and the trace."""
    mixture = Mixture.trusted(
        numbers[:k], numbers[k:2 * k, None], Isotropic(numbers[2 * k:3 * k])
    )
    climb = Climb(mixture, loglik, objective, slope, iterations, NATIVE_OUTCOMES[outcome],
                  numbers[3 * k:])
    return Found(climb, worth, starts, order)
