"""Profile likelihood: one parameter held at value after value, all others at their best for it.

The interval holds what a likelihood-ratio test does not reject, 2 (ℓ̂ − ℓ(θ)) ≤ χ²₁; unlike Wald's
it knows that the likelihood is not a parabola (Venzon & Moolgavkar 1988, doi:10.2307/2347496).
"""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, frozen
from emix.errors import ParameterError
from emix.ground import ground_of
from emix.inference.profiled import Entry, Held, Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.result import Fit

# Of the signed root of the drop, which is almost a straight line.
ARRIVED = 1e-4
MOST_STEPS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The profile of one parameter.

    name          as in `Uncertainty.table`, such as "mean 2" or "weight 1"
    low, high     the interval; the end of the parameter's range where the likelihood never falls
                  so far
    se            the standard error by the observed information, NaN where there is none
    values        (m,) where the others were fitted, ascending, `objective` (m,) what was reached:
                  the log-likelihood, with a prior the log-posterior
    """

    name: str
    estimate: float
    low: float
    high: float
    level: float
    se: float
    values: Floats
    objective: Floats

    def plot(self, ax: Axes | None = None) -> Axes:
        """The fall of the likelihood about the estimate, and the interval; needs the extra `plot`.
        See `plots.plot_profile`."""
        from emix.plots import plot_profile

        return plot_profile(self, ax=ax)

    def __str__(self) -> str:
        return (f"{self.name}: {self.estimate:.6g}, {100 * self.level:g}% profile interval "
                f"{self.low:.6g} to {self.high:.6g}")


def profile(
    x: object, fit: Fit, parameter: str, level: float = 0.95, sample_weight: object = None
) -> Profile:
    """See `Fit.profile`."""
    if not isinstance(level, float) or not 0 < level < 1:
        raise ParameterError(f"level={level!r}; expected a share between 0 and 1, such as 0.95")
    kind, index = _named(parameter, fit)
    ground = ground_of(x, fit, sample_weight)
    is_entry = fit.mixture.n_features > 1 and kind not in ("weight", "mean")
    subject: Subject = (Entry if is_entry else Held)(ground, fit, kind, index)
    return _Profiler(subject, fit, parameter, level).run()


def _named(parameter: str, fit: Fit) -> tuple[str, tuple[int, ...]]:
    """Kind and index of a parameter by its name: (component,), in several columns (component,
    column) for means and (component, column, column) for what is of a covariance.

    Raises `ParameterError` where there is none.
    """
    found = re.fullmatch(r"(weight|mean|sd|covariance|correlation) (\d+)(?: (.+))?", parameter)
    kind, number, rest = found.groups() if found else ("", "0", None)
    columns = _columns(kind, rest, fit.columns)
    if not 1 <= int(number) <= fit.k or columns is None:
        raise ParameterError(f"parameter={parameter!r}; expected one such as {_examples(fit)}, "
                             f"with components from 1 to {fit.k}")
    component, held = int(number) - 1, fit.model.held
    learned = {"weight": held.learned_weights[component] and held.learned_weights.sum() > 1,
               "mean": held.learned_means[component, (columns or (0,))[0]],
               }.get(kind, held.learned_covariances[component])
    if not learned:
        raise ParameterError(f"{parameter} is held, not learned; there is no profile of it")
    if component in [d.component for d in fit.degenerate]:
        raise ParameterError(f"component {number} is degenerate; there is no profile of "
                             f"{parameter}")
    if kind in ("covariance", "correlation") and fit.model.structure.orientation == "I":
        raise ParameterError(f"{parameter} is 0 in {fit.covariance}, whatever the data; there is "
                             f"no profile of it")
    return kind, (component, *columns)


def _columns(kind: str, rest: str | None, names: tuple[str, ...]) -> tuple[int, ...] | None:
    """The places of the columns in a parameter's name; None for what is no name."""
    if len(names) == 1:
        fits = rest is None and kind in ("weight", "mean", "sd")
        return ((0,) if kind == "mean" else ()) if fits else None
    if kind == "weight":
        return () if rest is None else None
    if kind in ("mean", "sd"):
        if rest not in names:
            return None
        place = names.index(rest)
        return (place,) if kind == "mean" else (place, place)
    # Names may hold the sign themselves.
    pairs = [(a, b) for a in range(len(names)) for b in range(len(names))
             if a != b and rest == f"{names[a]} × {names[b]}"]
    return pairs[0] if pairs else None


def _examples(fit: Fit) -> str:
    if fit.mixture.n_features == 1:
        return "'weight 1', 'mean 1', 'sd 1'"
    one, other = fit.columns[:2]
    return (f"'weight 1', 'mean 1 {one}', 'sd 1 {one}', 'covariance 1 {one} × {other}', "
            f"'correlation 1 {one} × {other}'")


class _Profiler:
    """One parameter's profile: fits with it at value after value, each begun at the one before."""

    def __init__(self, subject: Subject, fit: Fit, name: str, level: float) -> None:
        self.subject, self.fit, self.name, self.level = subject, fit, name, level
        self.reach = statistics.NormalDist().inv_cdf(0.5 + level / 2)
        self.estimate = subject.estimate
        self.top = subject.fitted(self.estimate, subject.ground.mixture)[0]
        self.seen: dict[float, float] = {self.estimate: self.top}

    def run(self) -> Profile:
        se = self.subject.se()
        step = se if math.isfinite(se) else 0.1 * abs(self.estimate) or 0.1
        low, high = self._end(-1, step), self._end(1, step)
        values = np.array(sorted(self.seen))
        # From internal units to those of the data.
        reached = np.array([self.seen[value] for value in values.tolist()])
        reached += self.fit.objective - self.top
        return Profile(self.name, self.estimate, low, high, self.level, se, frozen(values),
                       frozen(reached))

    def _end(self, side: int, se: float) -> float:
        """Where the signed root of the drop comes to `reach`: by secants between brackets."""
        bound = self.subject.bounds[(side + 1) // 2]
        inner, outer = (self.estimate, 0.0), None
        warm = self.subject.ground.mixture
        value = self._within(self.estimate + side * self.reach * se, bound)
        for _ in range(MOST_STEPS):
            objective, warm = self.subject.fitted(value, warm)
            self.seen[value] = objective
            root = math.sqrt(max(2 * (self.top - objective), 0.0))
            if abs(root - self.reach) < ARRIVED:
                return value
            if root < self.reach:
                inner = (value, root)
            else:
                outer = (value, root)
            if outer is None:
                step = (value - self.estimate) * max(1.2 * self.reach / max(root, 0.1), 1.2)
                ahead = self._within(self.estimate + step, bound)
                if abs(ahead - bound) < 1e-9 * abs(bound - self.estimate) or ahead == value:
                    return bound
                value = ahead
            else:
                share = (self.reach - inner[1]) / (outer[1] - inner[1])
                value = inner[0] + min(max(share, 0.05), 0.95) * (outer[0] - inner[0])
        return value

    def _within(self, value: float, bound: float) -> float:
        """At most 9/10 of the way from the last value to the end of the range."""
        if not math.isfinite(bound):
            return value
        start = min(self.seen, key=lambda v: abs(v - bound))
        limit = start + 0.9 * (bound - start)
        return min(value, limit) if bound > self.estimate else max(value, limit)
