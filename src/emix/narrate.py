"""One plain sentence on what a step of EM did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.names import default_names

if TYPE_CHECKING:
    from emix.arrays import Floats, Points
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
# Columns named in a sentence, and values of a point shown.
SHOWN_COLUMNS, MOST_VALUES = 2, 4
# A fall of the objective by a larger share of it (and of the rows) is not rounding.
FALL = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """The row that a mixture is least sure of: row (from 0), point (d,), responsibilities (k,)."""

    row: int
    point: Floats
    responsibilities: Floats


def most_unsure(mixture: Mixture, points: Points) -> Doubt:
    """The first of rows (n, d) or (n,) whose largest responsibility is the smallest of all."""
    responsibilities = mixture.responsibilities(points)
    row = int(responsibilities.max(axis=1).argmin())
    return Doubt(row, np.atleast_1d(points[row]), responsibilities[row])


def narrate(
    before: Step, after: Step, doubt: Doubt | None = None, names: Sequence[str] | None = None
) -> str:
    """What happened between two consecutive steps, as one sentence.

    It names a component that collapses; else says that nothing moves any more; else which
    component moved most, which changed its width most (or, in several columns, a correlation),
    what the objective gained and, given the row that `after` is least sure of, how unsure that
    is. Components count from 1; columns are called by `names` (d,).

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
    change = Change.between(before.mixture, after.mixture, names)
    collapse = _collapse(change)
    if collapse:
        return collapse
    if change.largest < STILL:
        return (f"Nothing moves any more: no parameter changed by more than a millionth, and the "
                f"{_objective(after)} {_gained(before, after)}.")
    clauses = [*_moves(change), f"the {_objective(after)} {_gained(before, after)}"]
    clauses += _unsure(doubt)
    return _sentence(clauses)


def is_still(before: Step, after: Step) -> bool:
    """Whether no parameter changed by more than a millionth: means in standard deviations of their
    component, standard deviations and weights relative to what they were.

    >>> import itertools
    >>> import emix
    >>> start = emix.Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
    >>> steps = list(itertools.islice(emix.steps([1.0, 2.0, 4.0, 6.0], start, sds=1.0), 99))
    >>> is_still(*steps[:2]), is_still(*steps[-2:])
    (False, True)
    """
    return Change.between(before.mixture, after.mixture, None).largest < STILL


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


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Two mixtures side by side, with what differs: shifts (k,) of the means in standard
    deviations of their component, standard deviations (k, d) and correlations (k, d, d)."""

    old: Mixture
    new: Mixture
    names: Sequence[str]
    shifts: Floats
    sds: tuple[Floats, Floats]
    correlations: tuple[Floats, Floats]

    @classmethod
    def between(cls, old: Mixture, new: Mixture, names: Sequence[str] | None) -> Change:
        away = new.means - old.means
        shifts = np.array([np.linalg.norm(old.covariance.whiten(away[j:j + 1], j))
                           for j in range(old.n_components)])
        (old_sds, old_turns), (new_sds, new_turns) = _spread(old), _spread(new)
        return cls(old, new, default_names(old.n_features) if names is None else names, shifts,
                   (old_sds, new_sds), (old_turns, new_turns))

    @property
    def is_one_column(self) -> bool:
        return self.new.n_features == 1

    @property
    def widths(self) -> Floats:
        """(k, d) how much each standard deviation changed, relative to what it was."""
        old, new = self.sds
        change: Floats = np.abs(new - old) / np.where(old > 0, old, 1.0)
        return change

    @property
    def turns(self) -> Floats:
        """(k, d, d) how much each correlation changed."""
        old, new = self.correlations
        return np.abs(new - old)

    @property
    def largest(self) -> float:
        weights = np.abs(self.new.weights - self.old.weights)
        return float(max(self.shifts.max(), self.widths.max(), self.turns.max(), weights.max()))


def _spread(mixture: Mixture) -> tuple[Floats, Floats]:
    """Standard deviations (k, d) and correlations (k, d, d) of each component."""
    if mixture.n_features == 1:
        return mixture.sds[:, None], np.ones((mixture.n_components, 1, 1))
    factors = mixture.covariance.factors
    sds = np.linalg.norm(factors, axis=2)
    # From the factors, so that no square leaves the range of numbers.
    unit = factors / sds[:, :, None]
    return sds, unit @ unit.transpose(0, 2, 1)


def _collapse(change: Change) -> str | None:
    """A component that falls onto a single value, or flat onto fewer columns, the narrowest
    first."""
    if not change.is_one_column:
        return _flattening(change)
    old, new = change.old, change.new
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


def _flattening(change: Change) -> str | None:
    narrow, broad = _thickness(change.new)
    before, _ = _thickness(change.old)
    j = int(narrow.argmin())
    narrowest, was = float(narrow[j]), float(before[j])
    onto = "a single point" if broad[j] < NARROW else "fewer dimensions than there are columns"
    if narrowest < NO_WIDTH and narrowest >= was * (1 - STILL):
        return (f"Component {j + 1} rests on {onto} with no width left (where it is narrowest, "
                f"{narrowest:.3g} of the mixture's): its likelihood has no maximum, so this fit "
                f"means nothing.")
    if narrowest < NARROW and narrowest < HALVED * was:
        return (f"Component {j + 1} is collapsing onto {onto}: where it is narrowest its width "
                f"fell from {was:.3g} to {narrowest:.3g} of the mixture's, and the likelihood "
                f"rises without end.")
    return None


def _thickness(mixture: Mixture) -> tuple[Floats, Floats]:
    """The least and the greatest width of each component, over all directions, as a share of
    the mixture's own in that direction: (k,) and (k,); ones where the mixture itself is flat."""
    k = mixture.n_components
    sds = np.linalg.norm(mixture.covariance.factors, axis=2).max(axis=0)
    means = (mixture.means - mixture.mean) / sds
    factors = mixture.covariance.factors / sds[:, None]
    total = np.einsum("k,kij,klj->il", mixture.weights, factors, factors)
    total += (means * mixture.weights[:, None]).T @ means
    try:
        root = np.linalg.cholesky(total)
    except np.linalg.LinAlgError:
        return np.ones(k), np.ones(k)
    widths = np.linalg.svd(np.linalg.solve(root, factors), compute_uv=False)
    return widths[:, -1], widths[:, 0]


def _moves(change: Change) -> list[str]:
    """Which component moved most, and which narrowed, widened or turned most; else which grew."""
    clauses = []
    j = int(change.shifts.argmax())
    if change.shifts[j] >= STILL:
        most = "" if change.new.n_components == 1 else " most"
        clauses.append(f"component {j + 1} moved{most}, {_shift(change, j)}")
    mover = j if clauses else None
    i, column = (int(at) for at in np.unravel_index(change.widths.argmax(), change.widths.shape))
    if change.widths[i, column] >= (NOTICEABLE if clauses else STILL):
        old, new = (float(sds[i, column]) for sds in change.sds)
        verb = "narrowed" if new < old else "widened"
        where = "" if change.is_one_column else f" in {change.names[column]}"
        clauses.append(f"{_who(i, mover)} {verb}{where} from σ {_pair(old, new)}")
    elif change.turns.max() >= (NOTICEABLE if clauses else STILL):
        clauses.append(_turn(change, mover))
    weights = np.abs(change.new.weights - change.old.weights)
    g = int(weights.argmax())
    if not clauses:
        old, new = float(change.old.weights[g]), float(change.new.weights[g])
        verb = "grew" if new > old else "shrank"
        clauses.append(f"component {g + 1} {verb} from weight {_pair(old, new)}")
    return clauses


def _who(component: int, mover: int | None) -> str:
    return "it" if component == mover else f"component {component + 1}"


def _shift(change: Change, j: int) -> str:
    """How far, and which way: in several columns, along those where it went furthest."""
    away = change.new.means[j] - change.old.means[j]
    if change.is_one_column:
        way = "up" if away[0] > 0 else "down"
        return f"{way} by {abs(away[0]):.3g} ({change.shifts[j]:.3g} of its σ)"
    order = np.argsort(-np.abs(away) / change.sds[0][j], kind="stable")[:SHOWN_COLUMNS]
    ways = [f"{change.names[c]} {'up' if away[c] > 0 else 'down'} by {abs(away[c]):.3g}"
            for c in order if away[c] != 0]
    return f"by {change.shifts[j]:.3g} of its σ ({', '.join(ways)})"


def _turn(change: Change, mover: int | None) -> str:
    i, a, b = (int(each) for each in np.unravel_index(change.turns.argmax(), change.turns.shape))
    old, new = (float(turns[i, a, b]) for turns in change.correlations)
    a, b = min(a, b), max(a, b)
    return (f"{_who(i, mover)} turned, its correlation of {change.names[a]} and {change.names[b]} "
            f"going from {_pair(old, new)}")


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
    shown = ", ".join(f"{value:.6g}" for value in doubt.point[:MOST_VALUES])
    if len(doubt.point) > 1:
        shown = f"({shown}{', …' if len(doubt.point) > MOST_VALUES else ''})"
    return [f"the most unsure point is {shown} (row {doubt.row + 1}), "
            f"{100 * sure:.0f}% with component {first + 1} and "
            f"{100 * doubt.responsibilities[second]:.0f}% with component {second + 1}"]
