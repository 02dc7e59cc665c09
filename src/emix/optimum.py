"""Optimum: one of several that a search found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emix.climbing.climb import Outcome

if TYPE_CHECKING:
    from emix.mixture import Mixture
    from emix.soundness.degenerate import Degenerate


@dataclass(frozen=True, slots=True)
class Optimum:
    """One of the distinct optima that the search found.

    loglik in the units of the data; objective is the log-posterior where there is a prior, else
    the log-likelihood; starts is how many runs of the search ended there.
    """

    loglik: float
    objective: float
    starts: int
    outcome: Outcome
    degenerate: tuple[Degenerate, ...]
    mixture: Mixture

    @property
    def is_degenerate(self) -> bool:
        return bool(self.degenerate)

    @property
    def remark(self) -> str:
        """What tables say beside it; nothing of one that is sound and converged."""
        notes = []
        if self.degenerate:
            which = ", ".join(str(d.component + 1) for d in self.degenerate)
            notes.append(f"degenerate (component {which})")
        if self.outcome is not Outcome.CONVERGED:
            notes.append(self.outcome.value)
        return "; ".join(notes)
