"""Which moments of a run of EM are shown, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import numpy as np

from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.em import Step

# A step that moves no component further, in its standard deviations, is not seen.
REST = 5e-4
MOST_STEPS = 1000
# The first steps are shown in parts, E-step and M-step; of the others, so many at most.
IN_PARTS, MOVES, MOST_AT_ONCE = 3, 5, 36
# Seconds.
AT_START, AT_E, AT_MOVE, AFTER_M, AT_ONCE, AT_END = 1.5, 0.8, 0.08, 0.4, 0.14, 3.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Steps from `step` to `step` + 1: `moved` is how far (0 to 1) the components have come, and
    `seen` whose responsibilities the points show, a step, or None before the first E-step."""

    step: int
    moved: float
    seen: int | None
    words: str
    seconds: float


def taken(steps: Iterable[Step], n: int | None) -> list[Step]:
    """The start and n steps, or as many as are seen to move."""
    if n is not None:
        return list(islice(steps, n + 1))
    found: list[Step] = []
    for step in islice(steps, MOST_STEPS + 1):
        found.append(step)
        if len(found) > 2 and movement(found[-2].mixture, step.mixture) < REST:
            break
    return found


def movement(before: Mixture, after: Mixture) -> float:
    """How far the component that moved most did: its mean in standard deviations, the logarithm
    of its spread, or its weight."""
    j = np.arange(before.n_features)
    wide = np.stack([before.marginal(i).sds for i in j], axis=1) if len(j) > 1 else \
        before.sds[:, None]
    narrow = np.stack([after.marginal(i).sds for i in j], axis=1) if len(j) > 1 else \
        after.sds[:, None]
    parts = (np.abs(after.means - before.means) / wide, np.abs(np.log(narrow / wide)),
             np.abs(after.weights - before.weights))
    return float(max(part.max() for part in parts))


def moments(steps: list[Step]) -> Iterator[Moment]:
    """The start, the first steps in parts, some of the others, the end."""
    last = len(steps) - 1
    yield Moment(0, 0.0, None, "the start: components as they were given", AT_START)
    in_parts = min(IN_PARTS, last)
    for step in range(in_parts):
        yield Moment(step, 0.0, step, "E-step: each point is shared out among the components",
                     AT_E)
        for move in range(1, MOVES + 1):
            is_there = move == MOVES
            yield Moment(step, move / MOVES, step, "M-step: each component moves to its points",
                         AFTER_M if is_there else AT_MOVE)
    for step in _some(steps, in_parts):
        yield Moment(step, 0.0, step, "E-step and M-step in turn", AT_ONCE)
    yield Moment(last, 0.0, last, "nothing moves any more" if last and movement(
        steps[-2].mixture, steps[-1].mixture) < REST else "and so on", AT_END)


def _some(steps: list[Step], first: int) -> list[int]:
    """Steps from `first` to the last but one, more of them where more moves."""
    places = np.arange(first, len(steps) - 1)
    if len(places) <= MOST_AT_ONCE:
        return [int(place) for place in places]
    far = np.array([movement(before.mixture, after.mixture)
                    for before, after in pairwise(steps[first:])])
    # The root, and a little for each step, so that slow stretches are not left out.
    way: Floats = np.cumsum(np.sqrt(far) + 0.1 * np.sqrt(far).mean())
    wanted = np.linspace(way[0], way[-1], MOST_AT_ONCE)
    chosen = np.searchsorted(way, wanted).clip(0, len(places) - 1)
    return [int(place) for place in np.unique(places[chosen])]


def between(before: Mixture, after: Mixture, moved: float) -> Mixture:
    """On the straight way from one mixture to another.

    >>> import emix
    >>> one, other = (emix.Mixture.univariate([1.0], [m], [s]) for m, s in ((0, 1), (4, 3)))
    >>> half = between(one, other, 0.5)
    >>> half.means[0, 0].item(), half.sds[0].item()
    (2.0, 2.0)
    """
    if moved in (0.0, 1.0):
        return after if moved else before
    weights, means = (a + moved * (b - a) for a, b in ((before.weights, after.weights),
                                                       (before.means, after.means)))
    if before.n_features == 1:
        return Mixture.univariate(weights, means[:, 0],
                                  before.sds + moved * (after.sds - before.sds))
    start, end = before.covariances, after.covariances
    return Mixture(weights, means, start + moved * (end - start))
