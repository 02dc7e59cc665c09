"""Climbs that go on where a component rests on its floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.accelerate import Accelerator
from emix.climbing.climb import Outcome, is_hopeless
from emix.degeneracy.ellipsoids import shortest_axes
from emix.em import iterate
from emix.maximise import steepest
from emix.searching.terrain import is_near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emix.arrays import Units
    from emix.climbing.climb import Stop
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source

# Steps in which a climb is to reach what another has reached, by several times its own pace, and
# those between two looks at whether it comes where another has ended.
PATIENCE, LOOK = 200, 8
# A climb that has gained no more than this share of the objective since the last look has come to
# rest: where shapes are shared, those that a floor stops have no gradient to tell by.
STILL = 1e-11


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """Where a climb above a floor ended, in the units it was made in."""

    mixture: Mixture
    loglik: float
    objective: float
    outcome: Outcome


def resting_climb(
    source: Source, start: Mixture, model: Model, units: Units, stop: Stop, threads: int,
    known: Sequence[End] = (),
) -> End | None:
    """EM from a start above the floor until no learned parameter is free to improve: what rests on
    the floor and would go below it is not (see `maximise.gradient`).

    None for a climb that comes to a `known` end, or is not likely to be as high as they are.
    """
    height = max((end.objective for end in known), default=-np.inf)
    best: Step | None = None
    looked, outcome = -np.inf, Outcome.NOT_CONVERGED
    for step in iterate(source, start, model, units, threads, _AboveFloor(model)):
        slope = steepest(step.statistics, step.mixture, model)
        if not (np.isfinite(step.objective) and np.isfinite(slope)):
            outcome = Outcome.NOT_FINITE
            best = best or step
            break
        gain = -np.inf if best is None else step.objective - best.objective
        if best is None or gain >= 0:
            best = step
        if slope <= stop.tol:
            outcome, best = Outcome.CONVERGED, step
            break
        if step.iteration >= stop.max_iter:
            break
        if step.iteration % LOOK:
            continue
        hopeless = is_hopeless(
            step.objective - max(gain, 0.0), step.objective, height, step.iteration, PATIENCE)
        if hopeless or any(is_near(step.mixture, end.mixture) for end in known):
            return None
        if best.objective - looked <= STILL * (abs(best.objective) + step.statistics.total):
            break
        looked = best.objective
    assert best is not None
    return End(best.mixture, best.loglik, best.objective, outcome)


class _AboveFloor(Accelerator):
    """Proposals that stay above the floor: below it the objective could be higher, and a step back
    would be taken for a fall."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self._floor, self._learned = model.floor, model.held.learned_covariances

    def proposed(self, step: Step, image: Mixture) -> Mixture:
        found = super().proposed(step, image)
        if found is image:
            return image
        below = shortest_axes(found.covariance) < self._floor
        if (self._learned & below).any():
            self._asked = None
            return image
        return found
