"""Which way a climb looks for its next step: Newton's, or EM's own steps mixed.

All of it is proposals. A climb scores what is proposed with its next E-step, and where that is
lower it goes on from where EM would have gone: the objective never falls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from emix.climbing.anderson import Anderson
from emix.climbing.newton import Newton

if TYPE_CHECKING:
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source

# A fall of the objective, as a share of it and of the rows, that is rounding.
ROUNDING = 1e-12
# Steps after which everything learned on the way is forgotten, so that a climb can be taken up
# there from its mixture alone. Of them, so many are EM's before Newton's turn.
MEMORY = 64
BEFORE_NEWTON = 16


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
        of it may be; None, or more parameters than Newton's way can pay for: Anderson's is taken
    """

    def __init__(self, model: Model, near: Source | None = None) -> None:
        self.image: Mixture | None = None
        self._way: Proposer = Newton(model, near) if near is not None and Newton.serves(model) \
            else Anderson(model)
        self._was_asked = False

    def proposed(self, step: Step, image: Mixture) -> Mixture:
        """What to score next, from where EM stands and where it would go."""
        self.image, turn = image, step.iteration % MEMORY
        if turn == 0:
            self._way.forget()
        waits = turn < BEFORE_NEWTON and isinstance(self._way, Newton)
        found = None if waits else self._way.proposed(step, image)
        self._was_asked = found is not None
        return image if found is None else found

    def resumed(self, step: Step, image: Mixture) -> Mixture:
        """What to score after a refusal: where EM would go; where all is forgotten, what a climb
        that began there would."""
        return self.proposed(step, image) if step.iteration % MEMORY == 0 else image

    def refuses(self, before: Step, now: Step) -> bool:
        """Whether what was proposed at `before` is lower, so that EM goes on from `image`."""
        if not self._was_asked:
            return False
        slack = ROUNDING * (abs(before.objective) + before.statistics.total)
        # Not a number is no step up either, and infinity no maximum.
        is_higher = before.objective - slack <= now.objective < float("inf")
        self._way.judged(is_higher)
        self._was_asked = False
        return not is_higher
