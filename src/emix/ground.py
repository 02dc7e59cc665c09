"""A fit put back on the data that it was made of: what questions about a fit are answered on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emix.arrays import Units
from emix.em import Expect
from emix.errors import DataError
from emix.model import FLOOR
from emix.moments import moments_of
from emix.sources.array import ArraySource
from emix.sources.opening import elsewhere_like, is_source, open_source, rows_like

if TYPE_CHECKING:
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.result import Fit
    from emix.sources.protocol import Source

# How far the log-likelihood of the same rows may lie from the fit's, per row: rounding.
SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class GroundAnywhere:
    """The data of a fit, internal units, and in those its mixture and model."""

    source: Source
    units: Units
    mixture: Mixture
    within: Model


@dataclass(frozen=True, slots=True, eq=False)
class Ground(GroundAnywhere):
    """The same of data in memory."""

    source: ArraySource


def ground_of(x: object, fit: Fit, sample_weight: object) -> Ground:
    """Of rows that are in memory, or can be held there.

    Raises `DataError` where x and sample_weight are not what the fit was made of.
    """
    if is_source(x) or isinstance(sample_weight, str):
        source, _ = open_source(x, sample_weight, list(fit.columns))
    else:
        source = ArraySource.of(rows_like(x, fit.columns), sample_weight, fit.columns)
    return Ground(source, *_checked(source, fit))


def ground_anywhere(x: object, fit: Fit, sample_weight: object) -> GroundAnywhere:
    """The same of rows wherever they are, for questions that need no more than passes."""
    source = elsewhere_like(x, fit.columns, sample_weight)
    if source is None:
        return ground_of(x, fit, sample_weight)
    return GroundAnywhere(source, *_checked(source, fit))


def _checked(source: Source, fit: Fit) -> tuple[Units, Mixture, Model]:
    if source.n_features != fit.mixture.n_features:
        raise DataError(f"x has {source.n_features} columns, the fit {fit.mixture.n_features}: "
                        f"{', '.join(fit.columns)}; give the data that the fit was made of")
    moments = moments_of(source, 1)
    expect = Expect(fit.mixture, "spherical")
    loglik = source.reduce(expect, expect.zero).loglik
    far = abs(loglik - fit.loglik) > SAME * (fit.n + abs(fit.loglik))
    if far or abs(moments.weight - fit.n) > SAME * fit.n:
        raise DataError(
            f"x is not the data of the fit: Σ w is {moments.weight:g} and the log-likelihood "
            f"{loglik:.6g}, those of the fit are {fit.n:g} and {fit.loglik:.6g}; give the same "
            f"rows, and the same sample_weight"
        )
    units = Units.of_spread(moments.mean, moments.sd, not fit.model.structure.is_scale_free)
    return units, fit.mixture.inward(units), fit.model.inward(units, FLOOR)
