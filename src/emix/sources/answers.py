"""Answers row by row, of rows that are not in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.kernels import kernel_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emix.arrays import Block
    from emix.kernels.protocol import Components
    from emix.sources.protocol import Source


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What was found of blocks, in the order of their rows: arrays (m,) or (m, k), a monoid."""

    parts: tuple[NDArray[Any], ...] = ()

    def __add__(self, other: Answers) -> Answers:
        return Answers(self.parts + other.parts)


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """From block to the most probable component of each row, (m,)."""

    mixture: Components

    def __call__(self, block: Block) -> Answers:
        return Answers((kernel_for(self.mixture).labels(self.mixture, block.points),))


@dataclass(frozen=True, slots=True, eq=False)
class Responsibilities:
    """From block to P(component k | x) of each row, (m, k)."""

    mixture: Components

    def __call__(self, block: Block) -> Answers:
        return Answers((kernel_for(self.mixture).responsibilities(self.mixture, block.points),))


def answered(source: Source, asked: Labels | Responsibilities) -> NDArray[Any]:
    """The answers of all rows, (n,) or (n, k)."""
    return np.concatenate(source.reduce(asked, Answers()).parts)
