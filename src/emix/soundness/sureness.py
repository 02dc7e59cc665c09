"""How sure a classification is, summed over the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emix.kernels import kernel_for

if TYPE_CHECKING:
    from emix.arrays import Block
    from emix.mixture import Mixture


@dataclass(frozen=True, slots=True)
class Sureness:
    """Σ w log max_k r and Σ w Σ_k r log r, in nats ≤ 0, as a monoid over blocks."""

    hard: float = 0.0
    soft: float = 0.0

    def __add__(self, other: Sureness) -> Sureness:
        return Sureness(self.hard + other.hard, self.soft + other.soft)


@dataclass(frozen=True, slots=True, eq=False)
class Classify:
    """From block, in the units of the mixture, to `Sureness`."""

    mixture: Mixture
    threads: int = 1

    def __call__(self, block: Block) -> Sureness:
        kernel = kernel_for(self.mixture, block.points)
        return Sureness(*kernel.classification(self.mixture, block, self.threads))
