"""What every structure has in common: three letters, and what follows from them.

Σ_k = λ_k D_k A_k D_kᵀ has a volume λ (one number), a shape A (diagonal, product 1) and an
orientation D (orthogonal). Each is Equal for all components, Varies, or is the Identity (Banfield
& Raftery 1993, doi:10.2307/2532201; Celeux & Govaert 1995, doi:10.1016/0031-3203(94)00125-6).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Covariances, Letter, ScatterForm


@dataclass(frozen=True, slots=True)
class Family(ABC):
    """A structure by its letters; a subclass adds the M-step (see `protocol.Structure`)."""

    volume: Letter
    shape: Letter
    orientation: Letter

    @property
    def name(self) -> str:
        return self.volume + self.shape + self.orientation

    @property
    @abstractmethod
    def scatter_form(self) -> ScatterForm: ...

    @property
    def is_common(self) -> bool:
        return "V" not in self.name

    @property
    def is_separate(self) -> bool:
        return "E" not in self.name

    @property
    @abstractmethod
    def is_scale_free(self) -> bool: ...

    def n_parameters(self, n_learned: int, n_features: int) -> int:
        """Volume 1, shape d − 1, orientation d(d − 1)/2: once, for each component, or not."""
        d = n_features
        sizes = (1, d - 1, d * (d - 1) // 2)
        times = {"I": 0, "E": min(n_learned, 1), "V": n_learned}
        letters = (self.volume, self.shape, self.orientation)
        return sum(times[letter] * size for letter, size in zip(letters, sizes, strict=True))

    def maximise(
        self, old: Covariances, scatter: Floats, weight: Floats, learned: Mask, floor: float
    ) -> Covariances:
        moved = learned & (weight > 0)
        if not moved.any() or not (learned.all() or self.is_separate):
            return old
        # Of axes that differ by more than doubles can, the shorter one is lifted to the floor.
        with np.errstate(under="ignore"):
            return self._estimate(old, scatter, weight, moved, floor)

    @abstractmethod
    def _estimate(
        self, old: Covariances, scatter: Floats, weight: Floats, moved: Mask, floor: float
    ) -> Covariances:
        """The M-step of the components `moved` (k,), of which there are some, all of positive
        weight. The others keep what is their own in `old`."""

    def gradient(
        self, covariances: Covariances, scatter: Floats, weight: Floats, learned: Mask,
        floor: float,
    ) -> Floats:
        if not learned.any():
            return np.zeros(0)
        return self._gradient(covariances, scatter, weight, learned, floor)

    @abstractmethod
    def _gradient(
        self, covariances: Covariances, scatter: Floats, weight: Floats, learned: Mask,
        floor: float,
    ) -> Floats:
        """Where components are `learned` (k,), of which there are some."""

    def conform(self, covariances: Covariances, weights: Floats) -> Covariances:
        scatter = in_form(covariances.dense() * weights[:, None, None], self.scatter_form)
        everyone = np.ones(len(weights), dtype=np.bool_)
        return self.maximise(covariances, scatter, weights, everyone, 0.0)


def in_form(matrices: Floats, form: ScatterForm) -> Floats:
    """Scatter matrices (k, d, d) as an M-step takes them."""
    match form:
        case "spherical":
            scatter: Floats = np.einsum("kii->k", matrices)
        case "diagonal":
            scatter = np.einsum("kii->ki", matrices)
        case "pooled":
            scatter = matrices.sum(axis=0, keepdims=True)
        case _:
            scatter = matrices
    return scatter
