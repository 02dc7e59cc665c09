"""Profile likelihood: one parameter held at value after value, all others at their best for it.

The interval holds what a likelihood-ratio test does not reject, 2 (ℓ̂ − ℓ(θ)) ≤ χ²₁; unlike Wald's
it knows that the likelihood is not a parabola (Venzon & Moolgavkar 1988, doi:10.2307/2347496).
"""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, frozen
from emix.climbing.climb import Stop, climb_many
from emix.covariance import Isotropic
from emix.errors import ParameterError
from emix.ground import Ground, ground_of
from emix.inference.standard_errors import Derivatives, standard_errors
from emix.model import FLOOR, Held

if TYPE_CHECKING:
    from emix.mixture import Mixture
    from emix.result import Fit

STOP = Stop(1e-8, 20_000)
# Of the signed root of the drop, which is almost a straight line.
ARRIVED = 1e-4
MOST_STEPS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The profile of one parameter.

    name          as in `Uncertainty.table`, such as "mean 2" or "weight 1"
    low, high     the interval; the end of the parameter's range where the likelihood never falls
                  so far
    values        (m,) where the others were fitted, ascending, `objective` (m,) what was reached:
                  the log-likelihood, with a prior the log-posterior
    """

    name: str
    estimate: float
    low: float
    high: float
    level: float
    values: Floats
    objective: Floats

    def __str__(self) -> str:
        return (f"{self.name}: {self.estimate:.6g}, {100 * self.level:g}% profile interval "
                f"{self.low:.6g} to {self.high:.6g}")


def profile(
    x: object, fit: Fit, parameter: str, level: float = 0.95, sample_weight: object = None
) -> Profile:
    """See `Fit.profile`."""
    kind, index = _named(parameter, fit)
    ground = ground_of(x, fit, sample_weight)
    return _Profiler(ground, fit, kind, index, parameter, level).run()


def _named(parameter: str, fit: Fit) -> tuple[str, tuple[int, ...]]:
    """Kind and index of a parameter by its name. Raises `ParameterError` where there is none."""
    found = re.fullmatch(r"(weight|mean|sd) (\d+)(?: (.+))?", parameter)
    several = fit.mixture.n_features > 1
    names = f"'weight 1', 'mean 1{' ' + fit.columns[0] if several else ''}'" + \
        ("" if several else ", 'sd 1'")
    kind, number, column = found.groups() if found else ("", "0", None)
    known = 1 <= int(number) <= fit.k and (column is not None) == (several and kind == "mean")
    if not known or (column is not None and column not in fit.columns) or (
            several and kind == "sd"):
        raise ParameterError(f"parameter={parameter!r}; expected one such as {names}, with "
                             f"components from 1 to {fit.k}")
    component, held = int(number) - 1, fit.model.held
    place = 0 if column is None else fit.columns.index(column)
    learned = {"weight": held.learned_weights[component] and held.learned_weights.sum() > 1,
               "mean": held.learned_means[component, place],
               "sd": held.learned_covariances[component]}[kind]
    if not learned:
        raise ParameterError(f"{parameter} is held, not learned; there is no profile of it")
    if component in [d.component for d in fit.degenerate]:
        raise ParameterError(f"component {number} is degenerate; there is no profile of "
                             f"{parameter}")
    return kind, (component,) if kind != "mean" else (component, place)


class _Profiler:
    """One parameter's profile: fits with it held, each begun at the one before."""

    def __init__(
        self, ground: Ground, fit: Fit, kind: str, index: tuple[int, ...], name: str, level: float
    ) -> None:
        self.ground, self.fit, self.kind, self.index, self.name = ground, fit, kind, index, name
        self.level = level
        self.reach = statistics.NormalDist().inv_cdf(0.5 + level / 2)
        mixture = fit.mixture
        self.estimate = float({"weight": mixture.weights, "mean": mixture.means,
                               "sd": np.sqrt(mixture.covariances[:, 0, 0])}[kind][index])
        self.top = self._fitted(self.estimate, ground.mixture)[0]
        self.seen: dict[float, float] = {self.estimate: self.top}

    def run(self) -> Profile:
        found = Derivatives.at(self.ground.source, self.fit.mixture, self.ground.within,
                               self.ground.units)
        errors = standard_errors(found, self.fit.mixture, self.fit.columns).of(self.kind + "s")
        index = self.index if self.kind != "sd" else (*self.index, 0)
        se = float(errors.se[index])
        if not math.isfinite(se):
            se = 0.1 * abs(self.estimate) or 0.1
        low, high = self._end(-1, se), self._end(1, se)
        values = np.array(sorted(self.seen))
        reached = np.array([self.seen[value] for value in values.tolist()])
        return Profile(self.name, self.estimate, low, high, self.level, frozen(values),
                       frozen(reached))

    def _bounds(self) -> tuple[float, float]:
        held = self.fit.model.held.weights
        if self.kind == "weight":
            return 0.0, 1.0 - float(np.nansum(held))
        return (0.0 if self.kind == "sd" else -math.inf), math.inf

    def _end(self, side: int, se: float) -> float:
        """Where the signed root of the drop comes to `reach`: by secants between brackets."""
        bound = self._bounds()[(side + 1) // 2]
        inner, outer = (self.estimate, 0.0), None
        value, warm = self._within(self.estimate + side * self.reach * se, bound), \
            self.ground.mixture
        for _ in range(MOST_STEPS):
            objective, warm = self._fitted(value, warm)
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

    def _fitted(self, value: float, warm: Mixture) -> tuple[float, Mixture]:
        model = replace(self.fit.model, held=self._held(value))
        within = model.inward(self.ground.units, FLOOR)
        start = within.conforming(warm)
        climb = climb_many(self.ground.source, [start], within, self.ground.units, STOP)[0]
        return climb.objective, climb.mixture

    def _held(self, value: float) -> Held:
        held = self.fit.model.held
        weights, means, spreads = held.weights.copy(), held.means.copy(), held.covariances
        learned = held.learned_covariances.copy()
        if self.kind == "weight":
            weights[self.index] = value
        elif self.kind == "mean":
            means[self.index] = value
        else:
            common = self.fit.model.structure.is_common
            at = slice(None) if common else slice(self.index[0], self.index[0] + 1)
            sds = np.ones(len(weights)) if spreads is None else held.sds.copy()
            sds[at] = value
            learned[at] = False
            spreads = Isotropic(np.where(learned, 1.0, sds))
        return Held.of(weights, means, spreads, learned)
