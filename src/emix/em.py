"""THE loop. Everything that climbs a likelihood step by step does it here.

The loop is a generator of steps: stopping, progress, traces and animation are its consumers.
Where the data is one column in memory and small, the native kernel runs the same steps without
coming back to Python between them; `emix.climb` chooses, and the tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Protocol

from emix.arrays import Block
from emix.kernels import kernel_for
from emix.maximise import maximise
from emix.statistics import Statistics, scatter_shape

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.climbing.accelerate import Accelerator
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


def iterate(
    source: Source, start: Mixture, model: Model, units: Units | None = None, threads: int = 1,
    accelerator: Accelerator | None = None, e_step: EStep | None = None,
) -> Iterator[Step]:
    """EM from `start`, for ever: the first step is the start itself, each costs one pass.

    With `units`, `start` and `model` are in internal units, and so is every step. Plain EM; with
    an `accelerator`, EM from where that proposes. A pass that finds a proposal to be lower yields
    the step before once more: EM still stands there. The E-step is exact, unless another is given.
    """
    mixture, last = start, None
    for iteration in count():
        statistics = expect(source, mixture, model, units, threads) if e_step is None else \
            e_step(mixture)
        objective = statistics.loglik + model.log_prior(mixture)
        step = Step(iteration, mixture, statistics.loglik, objective, statistics)
        if accelerator is not None and last is not None and accelerator.refuses(last, step):
            last = replace(last, iteration=iteration)
            yield last
            assert accelerator.image is not None
            mixture = accelerator.resumed(last, accelerator.image)
            continue
        yield step
        last, image = step, maximise(statistics, mixture, model)
        mixture = image if accelerator is None else accelerator.proposed(step, image)


def expect(
    source: Source, mixture: Mixture, model: Model, units: Units | None = None, threads: int = 1
) -> Statistics:
    """One E-step over all the data."""
    kernel, form = kernel_for(mixture), model.structure.scatter_form

    def of_block(block: Block) -> Statistics:
        return kernel.expect(mixture, block, form, units, threads)

    shape = scatter_shape(form, mixture.n_components, mixture.n_features)
    return source.reduce(of_block, Statistics.zero(mixture.means, shape))
