"""Climbs of one column on the points that stand for it, and the way back to all its rows.

A pass over the data counts it into bins as narrow as the components ask for; the climbs are made
on a few thousand weighted points; where a component has narrowed so far that its bins blur it, the
data is counted once more, into narrower bins there. What comes out is where the last steps, over
all rows, begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Units
from emix.climbing.accelerate import Accelerator
from emix.climbing.climb import FALL, Climb, Outcome, Stop, climb, climb_many
from emix.compression import Bins, Compression, Surrogate, gather
from emix.compression.grid import FINENESS, REACH, grid_for
from emix.covariance import Isotropic
from emix.em import expect
from emix.errors import DataError
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.model import Model
    from emix.sources.protocol import Source

# Rows to a point below which points do not pay; steps below which climbs do not.
PAYS, FEW_STEPS = 4, 10
# Steps of plain EM on the points; steps of Newton's after them, between two looks at whether they
# lead anywhere; the share of the gradient that says that they do not; steps past the tolerance.
AT_A_TIME, NEWTONS, LESS, MARGIN = 1000, 64, 0.5, 100
# Passes over the data that narrowing components may ask for.
MOST_PASSES = 4
# What bins may cost the log-likelihood, in nats per row, of all rows and of those of one
# component, before narrower ones are needed: the last steps mend what is less.
BLURRED, BLURRED_ONE = 1e-8, 1e-4
# By how much narrower than its bins a component is taken to be at once.
AT_ONCE = 2.0**-8


@dataclass(frozen=True, eq=False)
class Condensed:
    """Climbs on points, in internal units; the points, and fewer that have the same curvature; and
    what a fit says of them."""

    climbs: list[Climb]
    surrogate: Surrogate
    near: Surrogate
    width: float
    passes: int

    def compression(self, end: Climb, model: Model) -> Compression:
        """What was done, and the cost at the end of a climb on all rows."""
        on_points = expect(self.surrogate.source, end.mixture, model).loglik
        return Compression(len(self.surrogate), self.width, self.passes, on_points - end.loglik)


def condensed(
    source: Source, starts: Sequence[Mixture], model: Model, units: Units, stop: Stop,
    threads: int = 1,
) -> Condensed | Compression:
    """Climbs from several starts on points; or why that is not done. All in internal units."""
    if stop.tol == 0 or stop.max_iter < FEW_STEPS:
        return Compression.declined(
            "tol=0 asks for steps over all rows" if stop.tol == 0 else
            f"max_iter={stop.max_iter} steps are as soon made on all rows")
    climbs: list[Climb] = []
    mixtures = list(starts)
    for passes in range(1, MOST_PASSES + 1):
        try:
            bins = _counted(source, mixtures, units, threads)
        except (DataError, OverflowError):
            return Compression.declined("its range is too wide for bins so narrow", passes)
        if 2 * len(bins) * PAYS > source.n_rows:
            return Compression.declined(
                f"{2 * len(bins)} points would stand for {source.n_rows} rows", passes)
        surrogate = Surrogate.of(bins, units)
        near = Surrogate.of(bins.widened().widened(), units)
        climbs = _climbed(surrogate, near, mixtures, climbs, model, stop, threads)
        interrupted = any(c.outcome is Outcome.INTERRUPTED for c in climbs)
        sharper = [_sharpened(c.mixture, surrogate, model) for c in climbs]
        if interrupted or all(mixture is None for mixture in sharper):
            width = float(np.ldexp(1.0, bins.exponent.min()))
            return Condensed(climbs, surrogate, near, width, passes)
        mixtures = [c.mixture if s is None else s for c, s in zip(climbs, sharper, strict=True)]
    return Compression.declined("a component narrows faster than bins can follow", MOST_PASSES)


def _counted(
    source: Source, mixtures: Sequence[Mixture], units: Units, threads: int
) -> Bins:
    """The data in the narrowest bins that are few enough."""
    outward = [mixture.outward(units) for mixture in mixtures]
    with np.errstate(over="ignore", invalid="ignore"):
        low = min(float((m.means[:, 0] - REACH * m.sds).min()) for m in outward)
        high = max(float((m.means[:, 0] + REACH * m.sds).max()) for m in outward)
    if not np.isfinite([low, high]).all():
        raise OverflowError("components reach beyond the doubles")
    bins = gather(source, grid_for(outward, FINENESS[0]), low, high, threads)
    for _ in FINENESS[1:]:
        if 2 * len(bins) * PAYS > source.n_rows:
            bins = bins.widened()
    return bins


def _climbed(
    surrogate: Surrogate, near: Surrogate, mixtures: Sequence[Mixture], before: Sequence[Climb],
    model: Model, stop: Stop, threads: int,
) -> list[Climb]:
    """Climbs on the points, each going on from the one before it if any."""
    climbs = list(before)
    # First as far as asked for. Then a little further, so that the last steps find the tolerance
    # kept on all rows; but not for long, should rounding not let it.
    for tol, most in ((stop.tol, stop.max_iter), (stop.tol / 2, MARGIN)):
        used = max((c.iterations for c in climbs), default=0)
        left = Stop(tol, max(min(most, stop.max_iter - used), 0))
        more = _while_it_leads_on(surrogate, near, mixtures, model, left, threads)
        climbs = [joined(*pair) for pair in zip(climbs, more, strict=False)] if climbs else more
        if any(c.outcome is Outcome.INTERRUPTED for c in climbs):
            break
        mixtures = [c.mixture for c in climbs]
    return climbs


def _while_it_leads_on(
    surrogate: Surrogate, near: Surrogate, starts: Sequence[Mixture], model: Model, stop: Stop,
    threads: int,
) -> list[Climb]:
    """Climbs that also end where steps lead nowhere: rounding can keep a gradient from falling.

    First plain EM's steps, which the kernel makes by itself; climbs that crawl go Newton's way.
    """
    source, units = surrogate.source, Units.identity(1)
    first = Stop(stop.tol, min(AT_A_TIME, stop.max_iter))
    climbs = climb_many(source, starts, model, units, first, threads)
    for j, now in enumerate(climbs):
        newtons = True
        while now.outcome is Outcome.NOT_CONVERGED and climbs[j].iterations < stop.max_iter:
            left = stop.max_iter - climbs[j].iterations
            before = now
            if newtons:
                now = climb(source, now.mixture, model, units, Stop(stop.tol, min(NEWTONS, left)),
                            threads, None, Accelerator(model, near.source))
            else:
                # On a long ridge the kernel's steps are cheaper than Newton's are longer.
                now, = climb_many(source, [now.mixture], model, units,
                                  Stop(stop.tol, min(AT_A_TIME, left)), threads)
            climbs[j] = joined(climbs[j], now)
            if newtons and not leads_on(before, now):
                break
            newtons = not newtons
    return climbs


def leads_on(before: Climb, now: Climb) -> bool:
    """Whether steps since then have led anywhere: to a gradient much smaller, or up by more than
    rounding."""
    slack = FALL * abs(before.objective)
    return now.gradient <= LESS * before.gradient or \
        now.trace[-1] - now.trace[0] > slack


def joined(first: Climb, second: Climb) -> Climb:
    """Two climbs as one, the second begun where the first ended, on other points or on all rows:
    the first's trace is moved so that they meet."""
    if len(first.trace) and len(second.trace):
        begun = second.trace[0] - first.trace[-1]
        trace = np.concatenate([first.trace + begun, second.trace[1:]])
    else:
        # One that was not finite from the beginning has none.
        trace = second.trace
    return replace(second, iterations=first.iterations + second.iterations, trace=trace)


def _sharpened(mixture: Mixture, surrogate: Surrogate, model: Model) -> Mixture | None:
    """The mixture, no component much narrower than its bins, as a start on narrower bins; None
    where the bins it has are narrow enough."""
    nats, widths = surrogate.errors(mixture)
    total = surrogate.source.sample_weight
    assert total is not None
    counts = mixture.weights * total.sum()
    if nats.sum() <= BLURRED * total.sum() and (nats <= BLURRED_ONE * counts).all():
        return None
    sds = np.where(model.held.learned_covariances, np.maximum(mixture.sds, AT_ONCE * widths),
                   mixture.sds)
    return model.conforming(Mixture.trusted(mixture.weights, mixture.means, Isotropic(sds)))
