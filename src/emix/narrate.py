"""One plain sentence on what a step of EM did."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.em import Step
    from emix.mixture import Mixture

# Changes below these are not worth a word: a mean's in its component's standard deviations, a
# standard deviation's and a weight's relative to what they were.
STILL = 1e-6
NOTICEABLE = 1e-3
# A component this much narrower than the mixture, and still narrowing fast, is on its way to a
# single value; there is no such thing as a small standard deviation without something to compare.
NARROW, HALVED = 0.01, 0.5
NO_WIDTH = 1e-9
# A fall of the objective by a larger share of it (and of the rows) is not rounding.
FALL = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """The point that a mixture is least sure of: row (from 0), value, responsibilities (k,)."""

    row: int
    value: float
    responsibilities: Floats


def most_unsure(mixture: Mixture, points: Floats) -> Doubt:
    """The first of points (n,) whose largest responsibility is the smallest of all."""
    responsibilities = mixture.responsibilities(points)
    row = int(responsibilities.max(axis=1).argmin())
    return Doubt(row, float(points[row]), responsibilities[row])


def narrate(before: Step, after: Step, doubt: Doubt | None = None) -> str:
    """What happened between two consecutive steps of one column, as one sentence.

    It names a component that collapses; else says that nothing moves any more; else which
    component moved most, which changed its width most, what the objective gained and, given the
    point that `after` is least sure of, how unsure that is. Components count from 1.

    >>> import itertools
    >>> import emix
    >>> start = emix.Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
    >>> first, second = itertools.islice(emix.steps([3.0, 4.5], start, sds=1.0), 2)
    >>> narrate(first, second)
    'Component 1 moved most, up by 1.08 (1.08 of its σ), and the log-likelihood rose by 1.04.'
    """
    if not math.isfinite(after.objective):
        return (f"The {_objective(after)} is no longer a finite number: some point is too far from "
                f"every component for double precision.")
    fall = _fall(before, after)
    if fall:
        return fall
    collapse = _collapse(before.mixture, after.mixture)
    if collapse:
        return collapse
    if _largest_change(before.mixture, after.mixture) < STILL:
        return (f"Nothing moves any more: no parameter changed by more than a millionth, and the "
                f"{_objective(after)} {_gained(before, after)}.")
    clauses = [*_moves(before.mixture, after.mixture),
               f"the {_objective(after)} {_gained(before, after)}"]
    clauses += _unsure(doubt)
    return _sentence(clauses)


def _sentence(clauses: list[str]) -> str:
    joined = clauses[0] if len(clauses) == 1 else ", ".join(clauses[:-1]) + ", and " + clauses[-1]
    return joined[0].upper() + joined[1:] + "."


def _objective(step: Step) -> str:
    return "log-likelihood" if step.objective == step.loglik else "log-posterior"


def _gained(before: Step, after: Step) -> str:
    gain = after.objective - before.objective
    # Where nothing is left to gain, the last bits go up or down by rounding.
    if abs(gain) <= FALL * (abs(before.objective) + after.statistics.total):
        return "stays where it was"
    return f"rose by {gain:.3g}" if gain > 0 else f"fell by {-gain:.3g}"


def _fall(before: Step, after: Step) -> str | None:
    slack = FALL * (abs(before.objective) + after.statistics.total)
    if not after.objective < before.objective - slack:
        return None
    return (f"The {_objective(after)} fell by {before.objective - after.objective:.3g}, more than "
            f"rounding explains, which a step of EM cannot do: please report the data.")


def _relative(new: Floats, old: Floats) -> Floats:
    change: Floats = np.abs(new - old) / np.where(old > 0, old, 1.0)
    return change


def _largest_change(old: Mixture, new: Mixture) -> float:
    shifts = np.abs(new.means[:, 0] - old.means[:, 0]) / old.sds
    return float(max(shifts.max(), _relative(new.sds, old.sds).max(),
                     np.abs(new.weights - old.weights).max()))


def _collapse(old: Mixture, new: Mixture) -> str | None:
    """A component that falls onto a single value, the narrowest first."""
    spread = float(np.sqrt(new.variance))
    j = int(new.sds.argmin())
    narrowest, was = float(new.sds[j]), float(old.sds[j])
    value = f"{new.means[j, 0]:.6g}"
    if narrowest < NO_WIDTH * spread and narrowest >= was * (1 - STILL):
        return (f"Component {j + 1} rests on the single value {value} with no width left "
                f"(σ {narrowest:.3g}): its likelihood has no maximum, so this fit means nothing.")
    if narrowest < NARROW * spread and narrowest < HALVED * was:
        return (f"Component {j + 1} is collapsing onto the single value {value}: its σ fell from "
                f"{was:.3g} to {narrowest:.3g}, and the likelihood rises without end.")
    return None


def _moves(old: Mixture, new: Mixture) -> list[str]:
    """Which component moved most, and which narrowed or widened most; else which grew."""
    clauses = []
    shifts = (new.means[:, 0] - old.means[:, 0]) / old.sds
    j = int(np.abs(shifts).argmax())
    alone = len(old.weights) == 1
    if abs(shifts[j]) >= STILL:
        way = "up" if shifts[j] > 0 else "down"
        most = "" if alone else " most"
        clauses.append(f"component {j + 1} moved{most}, {way} by "
                       f"{abs(new.means[j, 0] - old.means[j, 0]):.3g} "
                       f"({abs(shifts[j]):.3g} of its σ)")
    widths = _relative(new.sds, old.sds)
    i = int(widths.argmax())
    if widths[i] >= (NOTICEABLE if clauses else STILL):
        verb = "narrowed" if new.sds[i] < old.sds[i] else "widened"
        who = "it" if clauses and i == j else f"component {i + 1}"
        clauses.append(f"{who} {verb} from σ {_pair(float(old.sds[i]), float(new.sds[i]))}")
    gains = np.abs(new.weights - old.weights)
    g = int(gains.argmax())
    if not clauses:
        verb = "grew" if new.weights[g] > old.weights[g] else "shrank"
        clauses.append(f"component {g + 1} {verb} from weight "
                       f"{_pair(float(old.weights[g]), float(new.weights[g]))}")
    return clauses


def _pair(old: float, new: float) -> str:
    """ "old to new" with as many digits as tell them apart."""
    for digits in range(3, 17):
        a, b = f"{old:.{digits}g}", f"{new:.{digits}g}"
        if a != b:
            return f"{a} to {b}"
    return f"{old!r} to {new!r}"


def _unsure(doubt: Doubt | None) -> list[str]:
    if doubt is None or len(doubt.responsibilities) == 1:
        return []
    sure = float(doubt.responsibilities.max())
    if sure > 1 - NOTICEABLE:
        return ["no point is in doubt"]
    first, second = np.argsort(-doubt.responsibilities, kind="stable")[:2]
    return [f"the most unsure point is {doubt.value:.6g} (row {doubt.row + 1}), "
            f"{100 * sure:.0f}% with component {first + 1} and "
            f"{100 * doubt.responsibilities[second]:.0f}% with component {second + 1}"]
