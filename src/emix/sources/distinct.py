"""How many different rows there are, counted no further than matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.devices import first_different

if TYPE_CHECKING:
    from emix.arrays import Block, Points


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Different rows (m, d), of which `most` are enough; a monoid."""

    rows: Points
    most: int

    @classmethod
    def zero(cls, n_features: int) -> Values:
        """No rows."""
        return cls(np.empty((0, n_features)), 0)

    def __add__(self, other: Values) -> Values:
        most = max(self.most, other.most)
        return Values(np.unique(np.concatenate([self.rows, other.rows]), axis=0)[:most], most)


@dataclass(frozen=True, slots=True)
class Distinct:
    """From block to the `Values` of its rows of positive weight."""

    most: int

    def __call__(self, block: Block) -> Values:
        x, weight = block.points, block.sample_weight
        if not isinstance(x, np.ndarray):
            return Values(first_different(x if weight is None else x[weight > 0], self.most),
                          self.most)
        return Values(np.unique(x if weight is None else x[weight > 0], axis=0)[: self.most],
                      self.most)
