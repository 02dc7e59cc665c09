"""Candidates: climbs judged, ranked, and merged where they came to one summit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emix.climbing.climb import Outcome
from emix.soundness.degenerate import LEAST_WORTH

if TYPE_CHECKING:
    from emix.climbing.climb import Climb

# Two summits are one when their objectives agree to this per unit of row weight.
SAME = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A climb, what its least worthy component is worth, and how many starts came to it."""

    climb: Climb
    worth: float
    starts: int = 1

    @property
    def is_sound(self) -> bool:
        return self.worth >= LEAST_WORTH


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a search that had found something: the candidates so far, best first."""

    def __init__(self, found: Sequence[Candidate], total: float) -> None:
        super().__init__()
        self.found = cut_off(distinct(found, total))


def cut_off(found: Sequence[Candidate]) -> list[Candidate]:
    """The same candidates, of which the best says that Ctrl-C ended the search for a better."""
    best = found[0]
    climb = replace(best.climb, outcome=Outcome.INTERRUPTED)
    return [replace(best, climb=climb), *found[1:]]


def rank(candidate: Candidate) -> tuple[bool, float]:
    """What candidates are sorted by: sound ones above others, then the objective."""
    return candidate.is_sound, candidate.climb.objective


def beats(new: Candidate, old: Candidate, slack: float) -> bool:
    """Whether the new one is sound where the old is not, or higher by more than `slack`."""
    if new.is_sound != old.is_sound:
        return new.is_sound
    return new.climb.objective > old.climb.objective + slack


def distinct(candidates: Sequence[Candidate], total: float) -> list[Candidate]:
    """Best first, those of one summit merged into one with the count of all their starts.

    The one nearest to stationary stands for them: which is highest is a matter of rounding.
    `total` is the row weight of the data they were climbed on.
    """
    slack = SAME * total
    kept: list[Candidate] = []
    ranks: list[tuple[bool, float]] = []
    for candidate in sorted(candidates, key=rank, reverse=True):
        sound, height = rank(candidate)
        for i, (is_sound, at) in enumerate(ranks):
            if is_sound == sound and abs(at - height) <= slack:
                other = kept[i]
                nearer = candidate if candidate.climb.gradient < other.climb.gradient else other
                kept[i] = Candidate(nearer.climb, nearer.worth, other.starts + candidate.starts)
                ranks[i] = rank(nearer)
                break
        else:
            kept.append(candidate)
            ranks.append((sound, height))
    return kept
