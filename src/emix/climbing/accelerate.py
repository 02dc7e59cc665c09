"""Which way a climb looks for its next step: EM's own, Newton's, or EM's mixed.

All of it is proposals. A climb scores what is proposed with its next E-step, and where that is
lower it goes on from where EM would have gone: the objective never falls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from emix.climbing.anderson import Anderson
from emix.climbing.newton import Newton
from emix.maximise import steepest

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source

# A fall of the objective, as a share of it and of the rows, that is rounding.
ROUNDING = 1e-12
# Steps after which everything learned on the way is forgotten, so that a climb can be taken up
# there from its mixture alone. The first of a climb are EM's, which find the valley, then come
# Newton's. Where these have not arrived and have a sample's curvature, which does not know the
# slowest directions, the last are EM's mixed, and after them curvature is that of all the data.
MEMORY = 64
BEFORE_NEWTON, AFTER_NEWTON = 16, 48


class Proposer(Protocol):
    """A way to look for the next step."""

    def proposed(self, step: Step, image: Mixture) -> Mixture | None:
        """Where to look next, from where EM stands and where it would go; None for there."""
        ...

    def judged(self, is_higher: bool) -> None:
        """How what was proposed turned out."""
        ...

    def forget(self) -> None:
        """Begin anew."""
        ...


class Accelerator:
    """The proposals of one climb.

    near : data to take curvature from, in the units of the climb, which the data itself or a part
        of it may be; None, or more parameters than Newton's way can pay for: without it
    all_of_it : the data and its units: where `near` is but a part of them, curvature is taken from
        all of them once a climb has gone on for long; None where that may not be
    taken : steps that a climb had taken before the first that is told of, a multiple of `MEMORY`
    """

    def __init__(
        self, model: Model, near: Source | None = None,
        all_of_it: tuple[Source, Units] | None = None, taken: int = 0,
    ) -> None:
        self.image: Mixture | None = None
        self._model, self._taken = model, taken
        self._anderson, self._newton = Anderson(model), None
        if near is not None and Newton.serves(model):
            self._newton = Newton(model, near, all_of_it)
        self._asked: Proposer | None = None

    def proposed(self, step: Step, image: Mixture) -> Mixture:
        """What to score next, from where EM stands and where it would go."""
        self.image, self._asked = image, None
        if step.iteration % MEMORY == 0:
            self._anderson.forget()
            if self._newton is not None:
                self._newton.forget()
                self._newton.is_late = self._taken + step.iteration > 0
        way = self._way(step.iteration % MEMORY)
        found = None if way is None else way.proposed(step, image)
        if found is None:
            return image
        self._asked = way
        return found

    def _way(self, turn: int) -> Proposer | None:
        if self._newton is None or self._newton.is_spent:
            return self._anderson
        if turn >= AFTER_NEWTON and not self._newton.is_exact:
            return self._anderson
        in_the_valley = self._newton.is_late or turn >= BEFORE_NEWTON
        return self._newton if in_the_valley else None

    def resumed(self, step: Step, image: Mixture) -> Mixture:
        """What to score after a refusal: where EM would go; where all is forgotten, what a climb
        that began there would."""
        return self.proposed(step, image) if step.iteration % MEMORY == 0 else image

    def refuses(self, before: Step, now: Step) -> bool:
        """Whether what was proposed at `before` is lower, so that EM goes on from `image`."""
        if self._asked is None:
            return False
        is_higher = self._is_higher(before, now)
        self._asked.judged(is_higher)
        self._asked = None
        return not is_higher

    def _is_higher(self, before: Step, now: Step) -> bool:
        slack = ROUNDING * (abs(before.objective) + before.statistics.total)
        # Not a number is no step up either, and infinity no maximum.
        if not before.objective - slack <= now.objective < float("inf"):
            return False
        # Near a summit the objective no longer tells its sides apart, but slopes do.
        leads = self._asked is not self._newton or now.objective > before.objective + slack
        return leads or self._slope(now) < self._slope(before)

    def _slope(self, step: Step) -> float:
        return steepest(step.statistics, step.mixture, self._model)
