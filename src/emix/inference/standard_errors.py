"""Standard errors from derivatives: observed information, sandwich, outer product of scores.

With J the negative Hessian of the objective and B the outer product of scores, estimates have the
covariance J⁻¹ (observed information: Efron & Hinkley 1978, doi:10.1093/biomet/65.3.457), J⁻¹ B J⁻¹
(sandwich: Huber 1967; White 1982, doi:10.2307/1912526) or B⁻¹ (Berndt, Hall, Hall & Hausman 1974).
Natural parameters follow by the delta method. A direction in which J is flat or curves the wrong
way has no inverse: every parameter that it moves is named instead of given a number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.coordinates import Coordinates
from emix.climbing.information import Information, information, prior_derivatives
from emix.inference.quantities import KINDS, Uncertainty, mapped, natural
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from collections.abc import Callable

    from emix.arrays import Floats, Mask, Order, Units
    from emix.covariance.directions import Along
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.soundness.degenerate import Degenerate
    from emix.sources.protocol import Source

Notes = dict[str, dict[tuple[int, ...], str]]

# Why there is no standard error.
HELD = "held, not learned"
EMPTY = "its weight is 0, on the boundary"
NOT_FINITE = "the derivatives are not finite in double precision"
IS_FLAT = "the information is singular: the data does not tell this from other parameters"
RISES = "the objective curves upwards here: this is not a maximum"

# Against a diagonal of 1, curvature below this is rounding of sums of n terms.
FLAT = 1e-9
# Rows times the square of parameters up to which it takes milliseconds; eigenvalues cost as much as
# so many rows per parameter.
CHEAP = 1 << 24
EIGENVALUES = 20
# The share of a parameter's gradient that may lie in a lost direction: rounding.
TOUCHED = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """What standard errors need of a mixture and data: its coordinates, in internal units, and the
    derivatives there; `fixed` (p,) are coordinates that no interval can be had of."""

    coordinates: Coordinates
    found: Information
    fixed: Mask
    reasons: tuple[str | None, ...]
    units: Units

    @classmethod
    def at(
        cls, source: Source, mixture: Mixture, model: Model, units: Units,
        degenerate: tuple[Degenerate, ...] = (),
    ) -> Derivatives:
        """At `mixture`, in the units of the data, under `model`, in internal units."""
        coordinates = Coordinates.of(mixture.inward(units), model)
        found = information(source, coordinates, units)
        reasons = component_reasons(coordinates.mixture, model, degenerate)
        if not (np.isfinite(found.hessian).all() and np.isfinite(found.outer).all()):
            found = Information.zero(coordinates.size)
            reasons = (NOT_FINITE,) * mixture.n_components
        fixed = np.zeros(coordinates.size, np.bool_)
        for component, reason in enumerate(reasons):
            if reason is not None:
                fixed[coordinates.at[component]] = True
                fixed[coordinates.spread_at(component)] = True
                if reason in (NOT_FINITE, EMPTY):
                    fixed[: len(coordinates.rated)] |= coordinates.rated == component
        return cls(coordinates, found, fixed, reasons, units)


@dataclass(frozen=True, slots=True, eq=False)
class Deferred:
    """Standard errors by the observed information that nobody has asked for yet: a fit of a few
    hundred rows takes less time than they do. Until then a copy of the rows is kept."""

    source: ArraySource
    mixture: Mixture
    within: Callable[[ArraySource], tuple[Model, Units]]
    columns: tuple[str, ...]
    degenerate: tuple[Degenerate, ...]
    remarks: tuple[str, ...]

    @classmethod
    def when_cheap(
        cls, source: ArraySource, mixture: Mixture, model: Model,
        within: Callable[[ArraySource], tuple[Model, Units]],
        columns: tuple[str, ...], degenerate: tuple[Degenerate, ...], remarks: tuple[str, ...],
    ) -> Deferred | None:
        """None where they would take more than some milliseconds; `within` tells, of the rows, the
        model in internal units and these. The others are those of `Derivatives.at`."""
        d = source.n_features
        most = model.n_components * (1 + d + d * (d + 1) // 2)
        # To count what is learned takes a part of the time that a small fit does.
        if not (_is_cheap(source.n_rows, most) or _is_cheap(source.n_rows, model.n_parameters)):
            return None
        weight = source.sample_weight
        kept = ArraySource(source.points.copy(), None if weight is None else weight.copy(),
                           source.names)
        return cls(kept, mixture, within, columns, degenerate, remarks)

    def asked(self) -> Uncertainty:
        """Works them out."""
        model, units = self.within(self.source)
        found = Derivatives.at(self.source, self.mixture, model, units, self.degenerate)
        return standard_errors(found, self.mixture, self.columns, remarks=self.remarks)


def _is_cheap(n_rows: int, n_parameters: int) -> bool:
    p = max(n_parameters, 8)
    return (n_rows + EIGENVALUES * p) * p**2 <= CHEAP


def component_reasons(
    mixture: Mixture, model: Model, degenerate: tuple[Degenerate, ...]
) -> tuple[str | None, ...]:
    """Why a component's parameters have no standard errors, None where they may."""
    reasons: list[str | None] = [None] * mixture.n_components
    resting = model.held.learned_covariances & mixture.covariance.at_floor(model.floor)
    for component in np.flatnonzero(resting).tolist():
        reasons[component] = "its spread rests on the least that a fit allows"
    for each in degenerate:
        reasons[each.component] = "the component is degenerate"
    for component in np.flatnonzero(mixture.weights == 0).tolist():
        reasons[component] = EMPTY
    return tuple(reasons)


# Covariances of parameters without units hardly any of which depend on each other.
@np.errstate(under="ignore")
def standard_errors(
    derivatives: Derivatives, mixture: Mixture, columns: tuple[str, ...],
    method: str = "observed", level: float = 0.95, remarks: tuple[str, ...] = (),
) -> Uncertainty:
    """Standard errors of `mixture`, which is in the units of the data."""
    spread = _Spread.of(derivatives, method)
    natural_errors = _Natural(derivatives, spread)
    notes: Notes = {kind: {} for kind in KINDS}
    natural_errors.note_lost(notes)
    note_known(derivatives.coordinates.model, derivatives.reasons, mixture, notes)
    quantities = mapped(natural(mixture), natural_errors.of, notes, level)
    return Uncertainty(method, level, columns, quantities, remarks)


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """The covariance of the coordinates (p, p), and in coordinates divided by `scale` (p,) unit
    vectors of lost directions: flat (p, a) and rising (p, b), in which the covariance is 0. What
    is fixed has scale 0."""

    covariance: Floats
    scale: Floats
    flat: Floats
    rising: Floats

    @classmethod
    def of(cls, derivatives: Derivatives, method: str) -> _Spread:
        c, found = derivatives.coordinates, derivatives.found
        curvature, scores = -found.hessian, found.outer
        if not c.model.prior.is_flat:
            prior = prior_derivatives(c)[1]
            curvature, scores = curvature - prior, scores - prior
        fixed = derivatives.fixed
        inverted = cls._inverted(scores if method == "scores" else curvature, fixed)
        if method != "sandwich":
            return inverted
        inverse = inverted.covariance
        return cls(inverse @ found.outer @ inverse, inverted.scale, inverted.flat, inverted.rising)

    @classmethod
    def _inverted(cls, information: Floats, fixed: Mask) -> _Spread:
        diagonal = np.abs(np.diagonal(information))
        scale = np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)), 1.0)
        scale[fixed] = 0.0
        values, vectors = np.linalg.eigh(information * scale[:, None] * scale)
        limit = FLAT * max(len(information), 1)
        sound, rising = values > limit, values < -limit
        moving = ~fixed @ vectors**2 > 0.5
        roots = scale[:, None] * vectors[:, sound] / np.sqrt(values[sound])
        return cls(roots @ roots.T, scale, vectors[:, ~sound & ~rising & moving],
                   vectors[:, rising])


class _Natural:
    """The delta method: natural parameters of one component at a time, back in units."""

    def __init__(self, derivatives: Derivatives, spread: _Spread) -> None:
        self.c, self.spread = derivatives.coordinates, spread
        self.scale = derivatives.units.scale
        self.slopes = {kind: [self._slopes(kind, j) for j in range(len(self.c.at))]
                       for kind in KINDS}

    def of(self, kind: str) -> Floats:
        """Standard errors of one kind, in its shape."""
        errors = []
        for at, slopes in self.slopes[kind]:
            flat = slopes.reshape(math.prod(slopes.shape[:-1]), len(at))
            covariance = self.spread.covariance[np.ix_(at, at)]
            variances = ((flat @ covariance) * flat).sum(axis=1)
            errors.append(np.sqrt(np.maximum(variances, 0)).reshape(slopes.shape[:-1]))
        return self._outward(kind, np.stack(errors))

    def note_lost(self, notes: Notes) -> None:
        """Names every parameter that a lost direction moves."""
        spread = self.spread
        for directions, reason in ((spread.rising, RISES), (spread.flat, IS_FLAT)):
            if directions.shape[1] == 0:
                continue
            for kind in KINDS:
                for component, (at, slopes) in enumerate(self.slopes[kind]):
                    scaled = slopes * spread.scale[at]
                    along = np.abs(scaled @ directions[at]).max(axis=-1)
                    for index in np.argwhere(along > TOUCHED * np.linalg.norm(scaled, axis=-1)):
                        notes[kind].setdefault((component, *map(int, index)), reason)

    def _slopes(self, kind: str, j: int) -> tuple[Order, Floats]:
        """Which coordinates (m,) move it, and ∂/∂θ of the component's parameters, (..., m)."""
        c, mixture = self.c, self.c.mixture
        if kind == "weights":
            at = np.arange(len(c.rated))
            return at, mixture.weights[j] * c.weight_slopes()[j]
        if kind == "means":
            return c.at[j], c.frames[j]
        along: Along = c.spreads.along[j]
        d = mixture.n_features
        root = mixture.covariance.unwhiten(np.eye(d), j).T
        slopes = -np.moveaxis(root @ along.slopes @ root.T, 0, -1)
        if kind == "sds":
            sds = np.sqrt((root**2).sum(axis=1))
            slopes = np.einsum("iia->ia", slopes) / (2 * sds[:, None])
        return c.spread_at(j), slopes

    def _outward(self, kind: str, errors: Floats) -> Floats:
        if kind == "weights":
            return errors
        with np.errstate(over="ignore", under="ignore"):
            outward: Floats = errors / self.scale
            return outward / self.scale[:, None] if kind == "covariances" else outward


def note_known(
    model: Model, reasons: tuple[str | None, ...], mixture: Mixture, notes: Notes
) -> None:
    """Names what is held, and what belongs to a component that has no standard errors."""
    held, (k, d) = model.held, mixture.means.shape
    for j in range(k):
        if not held.learned_weights[j] or (k > 1 and held.learned_weights.sum() == 1):
            notes["weights"][(j,)] = HELD
        elif reasons[j] is not None:
            notes["weights"][(j,)] = str(reasons[j])
        spread = reasons[j] if held.learned_covariances[j] else HELD
        for a in range(d):
            mean = reasons[j] if held.learned_means[j, a] else HELD
            for kind, note, index in (("means", mean, (j, a)), ("sds", spread, (j, a)),
                                      *(("covariances", spread, (j, a, b)) for b in range(d))):
                if note is not None:
                    notes[kind][index] = note
