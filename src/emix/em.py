"""THE loop. Everything that climbs a likelihood step by step does it here.

The loop is a generator of steps: stopping, progress, traces and animation are its consumers.
Where the data is one column in memory and small, the native kernel runs the same steps without
coming back to Python between them; `emix.climb` chooses, and the tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from emix.arrays import Block
from emix.kernels import kernel_for
from emix.maximise import maximise
from emix.sources.several import reduce_each
from emix.statistics import Statistics, scatter_shape

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.climbing.accelerate import Accelerator
    from emix.covariance import ScatterForm
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Where EM stands: a mixture, and what the E-step found there.

    `loglik` and `objective` (log-likelihood plus log prior) are those of the mixture beside
    them, and `statistics` were gathered with it; the next step's mixture follows from them.
    """

    iteration: int
    mixture: Mixture
    loglik: float
    objective: float
    statistics: Statistics


class EStep(Protocol):
    """An E-step of its own, which may leave components out."""

    @property
    def short(self) -> float:
        """By how much the log-likelihood of the last step may be short of the exact one, nats."""
        ...

    def __call__(self, mixture: Mixture) -> Statistics: ...


class Walk:
    """EM from `start`, one step for each E-step that it is told of; `iterate` says which steps."""

    def __init__(
        self, start: Mixture, model: Model, accelerator: Accelerator | None = None
    ) -> None:
        self._asked, self._model, self._accelerator = start, model, accelerator
        self._last: Step | None = None
        self._was_refused = False
        self._iteration = 0

    def asks(self) -> Mixture:
        """The mixture to be scored next."""
        last, accelerator = self._last, self._accelerator
        if last is None:
            return self._asked
        if self._was_refused:
            assert accelerator is not None and accelerator.image is not None
            self._asked = accelerator.resumed(last, accelerator.image)
        else:
            image = maximise(last.statistics, last.mixture, self._model)
            self._asked = image if accelerator is None else accelerator.proposed(last, image)
        return self._asked

    def told(self, statistics: Statistics) -> Step:
        """The step that what was found of that mixture makes."""
        mixture, last, iteration = self._asked, self._last, self._iteration
        objective = statistics.loglik + self._model.log_prior(mixture)
        step = Step(iteration, mixture, statistics.loglik, objective, statistics)
        refused = self._accelerator is not None and last is not None and \
            self._accelerator.refuses(last, step)
        if refused:
            assert last is not None
            step = replace(last, iteration=iteration)
        self._last, self._was_refused, self._iteration = step, refused, iteration + 1
        return step


def iterate(
    source: Source, start: Mixture, model: Model, units: Units | None = None, threads: int = 1,
    accelerator: Accelerator | None = None, e_step: EStep | None = None,
) -> Iterator[Step]:
    """EM from `start`, for ever: the first step is the start itself, each costs one pass.

    With `units`, `start` and `model` are in internal units, and so is every step. Plain EM; with
    an `accelerator`, EM from where that proposes. A pass that finds a proposal to be lower yields
    the step before once more: EM still stands there. The E-step is exact, unless another is given.
    """
    walk = Walk(start, model, accelerator)
    while True:
        mixture = walk.asks()
        yield walk.told(expect(source, mixture, model, units, threads) if e_step is None else
                        e_step(mixture))


@dataclass(frozen=True, slots=True, eq=False)
class Expect:
    """The E-step of one mixture, from block to `Statistics`; with `units` it is in those."""

    mixture: Mixture
    form: ScatterForm
    units: Units | None = None
    threads: int = 1

    def __call__(self, block: Block) -> Statistics:
        kernel = kernel_for(self.mixture, block.points)
        return kernel.expect(self.mixture, block, self.form, self.units, self.threads)

    @property
    def zero(self) -> Statistics:
        """The statistics of no rows."""
        k, d = self.mixture.means.shape
        return Statistics.zero(self.mixture.means, scatter_shape(self.form, k, d))


def expect(
    source: Source, mixture: Mixture, model: Model, units: Units | None = None, threads: int = 1
) -> Statistics:
    """One E-step over all the data."""
    one = Expect(mixture, model.structure.scatter_form, units, threads)
    return source.reduce(one, one.zero)


def expect_each(
    source: Source, mixtures: Sequence[Mixture], model: Model, units: Units | None = None,
    threads: int = 1,
) -> tuple[Statistics, ...]:
    """The E-steps of several mixtures in one pass over the data."""
    form = model.structure.scatter_form
    maps = [Expect(mixture, form, units, threads) for mixture in mixtures]
    return reduce_each(source, maps, [each.zero for each in maps])
