"""A stream once it has begun: each batch is looked at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Units
from emix.em import expect
from emix.errors import NumericalError, ParameterError
from emix.model import FLOOR
from emix.moments import moments_of
from emix.online.running import Running

if TYPE_CHECKING:
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.online.schedule import Schedule
    from emix.result import Fit
    from emix.sources.array import ArraySource


@dataclass(frozen=True, slots=True)
class Update:
    """What one batch brought: Σ w of its rows; the rate that it was learned at; and the mean
    log-likelihood of its rows under the mixture as it was before (nats per row), so of rows that it
    had not seen. The last two are None while first rows are gathered."""

    rows: float
    rate: float | None = None
    loglik: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The model in the units of the data and, with its floor, in internal ones; and how far it has
    come in those."""

    model: Model
    units: Units
    within: Model
    running: Running

    @classmethod
    def after_fit(cls, fit: Fit, source: ArraySource, threads: int) -> Stream:
        """Begun where a fit of the first rows has ended."""
        model, moments = fit.model, moments_of(source, threads)
        units = Units.of_spread(moments.mean, moments.sd, not model.structure.is_scale_free)
        within = model.inward(units, FLOOR)
        mixture = within.conforming(fit.mixture.inward(units))
        found = expect(source, mixture, within, units, threads)
        return cls(model, units, within, Running.begun(mixture, found, moments.weight))

    @classmethod
    def from_mixture(cls, start: Mixture, model: Model, rows: float) -> Stream:
        """Begun at a mixture that counts as so many rows.

        Raises `ParameterError` for one of another shape than the model's.
        """
        k, d = model.n_components, model.n_features
        if (start.n_components, start.n_features) != (k, d):
            raise ParameterError(f"start has {start.n_components} components in "
                                 f"{start.n_features} columns; expected {k} in {d}")
        mean, covariance = np.atleast_1d(start.mean), np.atleast_2d(start.variance)
        # A prior that asks for the data is told what the mixture says of it.
        model = model.informed(mean, covariance, max(rows, d + 1.0))
        sd = np.sqrt(np.diagonal(covariance))
        units = Units.of_spread(mean, sd, not model.structure.is_scale_free)
        within = model.inward(units, FLOOR)
        mixture = within.conforming(start.inward(units))
        return cls(model, units, within, Running.believed(mixture, within, rows))

    def mixture(self, is_averaged: bool) -> Mixture:
        """As it is now learned, in the units of the data."""
        inner = self.running.settled(self.within) if is_averaged else self.running.mixture
        return self.model.held.imposed_on(inner.outward(self.units))

    def after(
        self, batch: ArraySource, total: float, schedule: Schedule, is_averaged: bool, threads: int
    ) -> tuple[Stream, Update]:
        """When a batch of Σ w = total has been learned.

        Raises `NumericalError` where that leaves the range of numbers, and `ParameterError` for a
        schedule whose rate is none.
        """
        before = self.running
        found = expect(batch, before.mixture, self.within, self.units, threads)
        rate = schedule.rate(total, before.seen + total)
        if not 0 < rate <= 1:
            raise ParameterError(f"{schedule!r} gave the rate {rate!r}; expected one above 0 and "
                                 f"at most 1")
        with np.errstate(all="ignore"):
            # What is no number is seen just below, before it has done harm.
            after = before.after(found, rate, self.within, is_averaged)
        numbers = (found.loglik, after.mixture.means, after.mixture.covariance.log_determinants)
        if not all(np.isfinite(each).all() for each in numbers):
            raise NumericalError("the mixture after this batch is not finite: its rows are too far "
                                 "from all components for double precision; it was not learned")
        loglik = found.loglik / total + self.units.log_jacobian
        return replace(self, running=after), Update(total, rate, loglik)
