"""Parameters that have a profile: what all others reach where one has a given value."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from emix import model
from emix.climbing.climb import Stop, climb_many
from emix.covariance import Isotropic
from emix.inference.constrained import Constraint, best_with, standard_error
from emix.inference.standard_errors import Derivatives, standard_errors
from emix.model import FLOOR

if TYPE_CHECKING:
    from emix.ground import Ground
    from emix.mixture import Mixture
    from emix.result import Fit

STOP = Stop(1e-8, 20_000)


class Subject(Protocol):
    """One parameter of a fit."""

    ground: Ground

    @property
    def estimate(self) -> float:
        """In the units of the data."""
        ...

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of the parameter."""
        ...

    def se(self) -> float:
        """The standard error by the observed information, NaN where there is none."""
        ...

    def fitted(self, value: float, warm: Mixture) -> tuple[float, Mixture]:
        """The best objective with the parameter at `value`, and its mixture, in internal units;
        `warm` is where the climb begins."""
        ...


class Held:
    """A weight, a mean or, in one column, a standard deviation: EM with it held."""

    def __init__(self, ground: Ground, fit: Fit, kind: str, index: tuple[int, ...]) -> None:
        self.ground, self.fit, self.kind, self.index = ground, fit, kind, index

    @property
    def estimate(self) -> float:
        mixture = self.fit.mixture
        if self.kind == "sd":
            return float(mixture.sds[self.index])
        values = mixture.weights if self.kind == "weight" else mixture.means
        return float(values[self.index])

    @property
    def bounds(self) -> tuple[float, float]:
        held = self.fit.model.held.weights
        if self.kind == "weight":
            return 0.0, 1.0 - float(np.nansum(held))
        return (0.0 if self.kind == "sd" else -math.inf), math.inf

    def se(self) -> float:
        found = Derivatives.at(self.ground.source, self.fit.mixture, self.ground.within,
                               self.ground.units)
        errors = standard_errors(found, self.fit.mixture, self.fit.columns).of(self.kind + "s")
        return float(errors.se[self.index if self.kind != "sd" else (*self.index, 0)])

    def fitted(self, value: float, warm: Mixture) -> tuple[float, Mixture]:
        at_value = replace(self.fit.model, held=self._held(value))
        within = at_value.inward(self.ground.units, FLOOR)
        start = within.conforming(warm)
        climb = climb_many(self.ground.source, [start], within, self.ground.units, STOP)[0]
        return climb.objective, climb.mixture

    def _held(self, value: float) -> model.Held:
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
        return model.Held.of(weights, means, spreads, learned)


class Entry:
    """A standard deviation, covariance or correlation in several columns: Newton's steps with it
    as a constraint (see `constrained`)."""

    def __init__(self, ground: Ground, fit: Fit, kind: str, index: tuple[int, ...]) -> None:
        self.ground, self.kind = ground, kind
        component, a, b = index
        rows = ground.mixture.covariance.factors[component][[a, b]]
        sds = np.sqrt((rows**2).sum(axis=1))
        self.constraint = Constraint(kind, component, (a, b), float(sds[0] * sds[1]))
        one, other = (float(scale) for scale in ground.units.scale[[a, b]])
        # Of internal units to those of the data.
        self.unit = {"sd": 1 / one, "covariance": 1 / one / other, "correlation": 1.0}[kind]
        own = {"sd": sds[0], "covariance": rows[0] @ rows[1],
               "correlation": rows[0] @ rows[1] / (sds[0] * sds[1])}[kind]
        self.within = float(own)

    @property
    def estimate(self) -> float:
        return self.within * self.unit

    @property
    def bounds(self) -> tuple[float, float]:
        return {"sd": (0.0, math.inf), "covariance": (-math.inf, math.inf),
                "correlation": (-1.0, 1.0)}[self.kind]

    def se(self) -> float:
        own = {"sd": self.within, "covariance": self.constraint.size,
               "correlation": 1 - self.within**2}[self.kind]
        return standard_error(self.ground, self.constraint) * own * self.unit

    def fitted(self, value: float, warm: Mixture) -> tuple[float, Mixture]:
        wanted = self.constraint.wanted(value / self.unit)
        found = best_with(self.ground, self.constraint, wanted, warm)
        return found.objective, found.mixture
