"""One fit of a model to the rows of a source: to internal units, search, climbs, and back."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Labels, Units
from emix.climbing.climb import ROUNDINGS, Climb, Outcome, Progress, Stop
from emix.covariance import Isotropic
from emix.em import Expect
from emix.errors import ClusterError, ParameterError
from emix.inference.standard_errors import Deferred
from emix.kernels import PORTABLE, instruction_set, kernel_for
from emix.mixture import Mixture
from emix.model import FLOOR
from emix.moments import Moments, moments_of
from emix.optimum import Optimum
from emix.result import Fit
from emix.searching import direct
from emix.searching.asked import plan_of
from emix.searching.checkpoint import Journal
from emix.searching.finding import Finder
from emix.searching.fingerprint import identity_of
from emix.soundness.checking import check_rank, check_spread
from emix.soundness.coinciding import counted
from emix.soundness.degenerate import LEAST_WORTH
from emix.soundness.sureness import Classify, Sureness
from emix.sources.array import ArraySource
from emix.sources.device import DeviceSource
from emix.sources.opening import settled
from emix.sources.streamed import Streamed

if TYPE_CHECKING:
    from emix.model import Model
    from emix.searching.candidates import Candidate
    from emix.searching.plan import Plan
    from emix.soundness.degenerate import Degenerate
    from emix.sources.protocol import Source
    from emix.sources.reading import Reading

# Degenerate components that notes name.
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Search:
    """How a fit is searched for: the arguments of `fit` that say so, checked."""

    start: Mixture | Labels | str | None
    n_starts: int | None
    seed: int
    stop: Stop
    threads: int
    progress: Callable[[Progress], None] | None = None
    checkpoint: str | os.PathLike[str] | None = None
    neglect: float = 0.0

    @property
    def has_plan(self) -> bool:
        """Whether it goes from starts that the search makes, not from one that was given."""
        return self.start is None or isinstance(self.start, str)

    def plan(self, n_features: int) -> Plan | None:
        """See `asked.plan_of`."""
        assert self.start is None or isinstance(self.start, str)
        return plan_of(self.start, self.n_starts, n_features > 1)


def fit_source(
    source: Source, names: tuple[str, ...], model: Model, how: Search,
    is_left_alone: bool = False,
) -> Fit:
    """The fit of a model to all rows of a source, without a warning; see `warn_of`.

    `is_left_alone` where it is known that the kernel does not make it in one call.
    """
    if not isinstance(source, ArraySource):
        return _fit_blocks(source, names, model, how)
    # What a checkpoint keeps are the steps between.
    at_once = how.has_plan and how.checkpoint is None and not is_left_alone
    if at_once and direct.serves(source, model):
        made = direct.fit_directly(source, model, how.plan(1), how.stop, how.seed, how.threads)
        if made is not None:
            return _of_direct(made, source, names, model, how)
    moments, finder = _finder(source, names, model, how)
    candidates = finder.candidates(how.start, how.n_starts)
    return finished(candidates, finder, moments, names)


def _fit_blocks(
    source: Source, names: tuple[str, ...], model: Model, how: Search
) -> Fit:
    """The same where rows are read block by block: what is one block is held in memory."""
    held = settled(source)
    if isinstance(held, ArraySource):
        return fit_source(held, names, model, how)
    how = replace(how, neglect=0.0)
    if isinstance(source, Streamed) and how.progress is not None:
        how = replace(how, progress=(teller := Teller(how.progress)))
        source.tell = teller.reads
    try:
        moments, finder = _finder(source, names, model, how)
        return finished(finder.candidates(how.start, how.n_starts), finder, moments, names)
    except ClusterError as lost:
        if how.checkpoint is None or not os.path.exists(how.checkpoint):
            raise
        raise ClusterError(f"{lost}; {os.fspath(how.checkpoint)} keeps how far the fit has come: "
                           f"on a new cluster, or where else the data is, the same call goes on "
                           f"from there") from lost
    finally:
        if isinstance(source, Streamed):
            source.tell = None


class Teller:
    """A progress callback that is also told how far a pass has come."""

    def __init__(self, progress: Callable[[Progress], None]) -> None:
        self._progress, self._last = progress, Progress(0, 0, 0, math.nan, math.nan)

    def __call__(self, progress: Progress) -> None:
        self._last = progress
        self._progress(progress)

    def reads(self, reading: Reading) -> None:
        """Of the pass that follows the last step."""
        self._progress(replace(self._last, reading=reading))


def _finder(
    source: Source, names: tuple[str, ...], model: Model, how: Search
) -> tuple[Moments, Finder]:
    if how.checkpoint is not None and isinstance(source, DeviceSource):
        raise ParameterError("a checkpoint knows its data by all of its digits, which for an array "
                             "on a device would have to come to the host; leave checkpoint out, or "
                             "give a copy of the array in NumPy's hands")
    moments, units, model = _ground(source, names, model, how.threads)
    journal = None if how.checkpoint is None else Journal(
        how.checkpoint,
        identity_of(source, names, model, how.start, how.n_starts, how.stop, how.seed,
                    how.neglect),
        instruction_set(),
    )
    return moments, Finder(source, ", ".join(names), model, units, moments.weight, how.stop,
                           how.seed, how.threads, how.progress, journal=journal,
                           neglect=how.neglect)


def _ground(
    source: Source, names: tuple[str, ...], model: Model, threads: int
) -> tuple[Moments, Units, Model]:
    """What is known of the rows before any search: moments, units, and the model told of them."""
    moments = moments_of(source, threads)
    check_spread(moments, model, names)
    units = Units.of_spread(moments.mean, moments.sd, not model.structure.is_scale_free)
    return moments, units, informed(model, source, moments, units, names, threads)


def _of_direct(
    made: direct.Fitted, source: ArraySource, names: tuple[str, ...], model: Model, how: Search
) -> Fit:
    best, climb = made.optima[0], made.optima[0].climb
    finder: Finder | None = None
    optima = []
    for each in made.optima:
        degenerate: tuple[Degenerate, ...] = ()
        if each.worth < LEAST_WORTH:
            # What is wrong is said in words, for which all rows are looked at again.
            finder = finder or _finder(source, names, model, how)[1]
            degenerate = finder.whole.degenerate(each.climb.mixture.inward(finder.units),
                                           finder.within.reordered(np.array(each.order)))
        optima.append(Optimum(each.climb.loglik, each.climb.objective, each.starts,
                              each.climb.outcome, degenerate, each.climb.mixture))
    ordered = model if model.is_free else model.reordered(np.array(best.order))

    def within(rows: ArraySource) -> tuple[Model, Units]:
        _, units, told = _ground(rows, names, ordered, how.threads)
        return told.inward(units, FLOOR), units

    return Fit(
        mixture=climb.mixture, model=ordered, loglik=climb.loglik,
        objective=climb.objective, n=made.weight, outcome=climb.outcome, n_iter=climb.iterations,
        trace=climb.trace, gradient=climb.gradient, optima=tuple(optima),
        warnings=notes_of(optima[0], climb, made.weight), classification=made.classification,
        columns=names, seed=how.seed, kernel="native",
        _uncertainty=_deferred(source, ordered, within, names, optima[0]),
    )


def informed(
    model: Model, source: Source, moments: Moments, units: Units, names: tuple[str, ...],
    threads: int,
) -> Model:
    """The model, once it has been told the data's mean and covariance where it asks for them.

    Raises `DataError` where columns are combinations of others and that matters.
    """
    d = source.n_features
    turned = d > 1 and model.structure.scatter_form in ("full", "pooled")
    if not turned and model.prior.conjugate is None:
        return model
    whole = Mixture.trusted(np.ones(1), units.inward(moments.mean)[None], Isotropic(np.ones(1), d))
    scored = Expect(whole, "full", units, threads)
    statistics = source.reduce(scored, scored.zero)
    scatter = statistics.scatter_about(whole.means + statistics.shift / moments.weight)[0]
    check_rank(scatter / moments.weight, moments, model, names)
    if model.prior.conjugate is None:
        return model
    scatter = scatter / np.multiply.outer(units.scale, units.scale)
    # Divisor n − 1, as R's var.
    return model.informed(moments.mean, scatter / max(moments.weight - 1, 1.0), moments.weight)


def finished(
    candidates: list[Candidate], finder: Finder, moments: Moments, names: tuple[str, ...]
) -> Fit:
    """From internal units to the Fit that the user gets."""
    model = finder.model
    optima = tuple(_optimum(candidate, finder, moments) for candidate in candidates)
    best, climb = optima[0], candidates[0].climb
    # Trace in the units of the data: internal objectives differ by a constant.
    trace = climb.trace + (best.objective - climb.objective)
    if math.isfinite(climb.objective):
        trace[-1:] = best.objective
    sure = finder.source.reduce(Classify(best.mixture, finder.threads), Sureness())
    order = climb.mixture.canonical_order()
    within, units = finder.within.reordered(order), finder.units
    notes = (*finder.journal.notes, *_notes_of_device(finder.source),
             *notes_of(best, climb, moments.weight, finder.whole.neglect))
    return Fit(
        mixture=best.mixture, model=model.reordered(order), loglik=best.loglik,
        objective=best.objective, n=moments.weight, outcome=climb.outcome,
        n_iter=climb.iterations, trace=trace, gradient=climb.gradient, optima=optima,
        warnings=notes, classification=(sure.hard, sure.soft), columns=names, seed=finder.seed,
        kernel=_kernel_name(finder.source, best), compression=finder.whole.compression,
        neglect=finder.whole.neglect, neglected=climb.neglected,
        _uncertainty=_deferred(finder.source, within, lambda _: (within, units), names, best),
    )


def _notes_of_device(source: Source) -> tuple[str, ...]:
    if not isinstance(source, DeviceSource) or source.device.is_double:
        return ()
    return (f"{source.device.name} has no double precision: sums were made in single precision, "
            f"and a gradient below {ROUNDINGS * source.device.rounding:.1e} per row counts as 0; "
            f"the log-likelihood has some six digits",)


def _kernel_name(source: Source, best: Optimum) -> str:
    if isinstance(source, DeviceSource):
        return f"{PORTABLE.name}, on {source.device.name}"
    return kernel_for(best.mixture).name


def _deferred(
    source: Source, model: Model, within: Callable[[ArraySource], tuple[Model, Units]],
    names: tuple[str, ...], best: Optimum,
) -> Deferred | None:
    if not isinstance(source, ArraySource):
        return None
    remarks = () if best.outcome is Outcome.CONVERGED else (best.outcome.prose,)
    return Deferred.when_cheap(
        source, best.mixture, model, within, names, best.degenerate, remarks
    )


def _optimum(candidate: Candidate, finder: Finder, moments: Moments) -> Optimum:
    climb, model = candidate.climb, finder.model
    order = climb.mixture.canonical_order()
    mixture = model.held.imposed_on(climb.mixture.outward(finder.units)).reordered(order)
    loglik = climb.loglik + moments.weight * finder.units.log_jacobian
    objective = loglik + model.reordered(order).log_prior(mixture)
    degenerate: tuple[Degenerate, ...] = ()
    if not candidate.is_sound:
        degenerate = finder.whole.degenerate(
            climb.mixture.reordered(order), finder.within.reordered(order)
        )
    return Optimum(loglik, objective, candidate.starts, climb.outcome, degenerate, mixture)


def notes_of(
    best: Optimum, climb: Climb, weight: float, neglect: float = 0.0
) -> tuple[str, ...]:
    """What a user should know of the best optimum of Σ w rows, in words."""
    notes = []
    if climb.outcome is not Outcome.CONVERGED:
        notes.append(unarrived_note(climb.outcome, climb.gradient, climb.iterations))
    if climb.relocated:
        notes.append(f"{climb.relocated} times a component collapsed onto too few rows for a "
                     f"covariance of its own, and was put where the heaviest was; a smaller k, a "
                     f"common covariance ('tied') or prior='conjugate' would have no need of that")
    if climb.neglected > 2 * neglect:
        notes.append(f"E-steps left out {climb.neglected:.1e} nats per row, more than "
                     f"neglect={neglect:g}; the log-likelihood is exact all the same")
    notes += degenerate_notes(best.degenerate)
    return (*notes, *counted(best.mixture, weight).notes())


def unarrived_note(outcome: Outcome, gradient: float, n_iter: int) -> str:
    """How a climb ended that did not converge."""
    return f"{outcome.prose} (gradient {gradient:.1e} per row after {n_iter} steps)"


def degenerate_notes(degenerate: tuple[Degenerate, ...]) -> list[str]:
    """Degenerate components, the first of them by name."""
    named = [f"component {found.component + 1} is degenerate: {found.reason}"
             for found in degenerate[:MOST_NAMED]]
    if len(degenerate) > MOST_NAMED:
        named.append(f"so are {len(degenerate) - MOST_NAMED} more components")
    return named
