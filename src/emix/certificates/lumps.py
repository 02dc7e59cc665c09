"""Many points as few: bins, each two weighted nodes that match four of its moments, and what is
lost by that, bounded.

Everything is in units of σ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.certificates.supremum import PEAK, ROUNDING

if TYPE_CHECKING:
    from emix.arrays import Floats, Order

# With no more rows than this every distinct value is a node of its own.
FEW = 4096
# Nats that binning may cost the bound, at some twenty times σ's worth of data.
COST = 1e-3
MOMENTS = 4


def half_width(n_rows: int, weight: float) -> float:
    """Half the width of a bin, a power of two so that bins have exact centres; 0 for none.

    What a bin of mass B and half-width h loses is at most B h⁴/12 · 3φ(0); a mass of some 20 lies
    within reach, so the bound rises by about 2 h⁴ Σ w.
    """
    if n_rows <= FEW:
        return 0.0
    return 2.0 ** min(math.floor(0.25 * math.log2(COST / (2 * weight))), -5)


@dataclass(frozen=True, slots=True, eq=False)
class Lumps:
    """Mass by bin, a monoid: keys (m,) ascending; sums (m, 4) of b δᵖ, δ from the bin's centre;
    counts (m,) of points; half, half the width. With half = 0 keys are the values themselves."""

    keys: Floats
    sums: Floats
    counts: Floats
    half: float

    @classmethod
    def zero(cls, half: float) -> Lumps:
        nothing = np.zeros(0)
        return cls(nothing, np.zeros((0, MOMENTS)), nothing, half)

    @classmethod
    def of(cls, z: Floats, masses: Floats, half: float) -> Lumps:
        """From points z (n,) and their masses (n,); those of no mass are left out."""
        if not masses.all():
            z, masses = z[masses > 0], masses[masses > 0]
        keys, index = _binned(z, half)
        counts = np.bincount(index, minlength=len(keys)).astype(np.float64)
        sums = np.zeros((len(keys), MOMENTS))
        sums[:, 0] = np.bincount(index, masses, len(keys))
        if half:
            delta = z - (keys[index] + 0.5) * (2 * half)
            for p in range(1, MOMENTS):
                masses = masses * delta
                sums[:, p] = np.bincount(index, masses, len(keys))
        return cls(keys, sums, counts, half)

    def __add__(self, other: Lumps) -> Lumps:
        keys, index = np.unique(np.concatenate([self.keys, other.keys]), return_inverse=True)
        sums = np.zeros((len(keys), MOMENTS))
        np.add.at(sums, index, np.concatenate([self.sums, other.sums]))
        counts = np.zeros(len(keys))
        np.add.at(counts, index, np.concatenate([self.counts, other.counts]))
        return Lumps(keys, sums, counts, self.half)

    def nodes(self) -> Nodes:
        """Two nodes for each bin: Gauss's rule for the moments 0 to 3 of what is in it."""
        if not self.half:
            return Nodes(self.keys, self.sums[:, 0], np.zeros(len(self.keys)), 0.0)
        places, masses = _two_points(self.sums, self.half)
        lost = self._lost(places, masses)
        centres = (self.keys + 0.5) * (2 * self.half)
        z, b = (centres + places).T.ravel(), masses.T.ravel()
        order = np.argsort(z, kind="stable")
        order = order[b[order] > 0]
        # Shared by the two nodes; where a window ends between them, the bin is beyond it anyway.
        share = np.repeat(lost[:, None], 2, axis=1).ravel()
        return Nodes(z[order], b[order], share[order], 2 * self.half)

    def _lost(self, places: Floats, masses: Floats) -> Floats:
        """(m,) the most by which a bin's two nodes differ from what is in it, in Σ b φ(· − u).

        Taylor about the bin's centre: moments that differ, times |φ⁽ᵖ⁾|/p! ≤ φ(0); then the rest,
        at most 3φ(0)/24 times the fourth moments, where Σ b δ⁴ ≤ h² Σ b δ².
        """
        half = self.half
        powers = np.stack([(masses * places**p).sum(axis=0) for p in range(MOMENTS)], axis=1)
        rounding = (self.counts + 16)[:, None] * ROUNDING * self.sums[:, :1]
        differ = np.abs(powers - self.sums) + rounding * half ** np.arange(MOMENTS)
        fourth = half**2 * self.sums[:, 2] + (masses * places**4).sum(axis=0)
        lost: Floats = PEAK * (differ.sum(axis=1) + (3 / 24) * fourth * (1 + 2.0**-20))
        return lost


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Weighted places that stand for the data: z ascending, masses, what each may miss in Σ b φ
    (all (m,)), and how far from a node the points it stands for may lie."""

    z: Floats
    masses: Floats
    remainders: Floats
    margin: float


def _binned(z: Floats, half: float) -> tuple[Floats, Order]:
    """Keys, and for each point the index of its own."""
    if not half:
        keys, index = np.unique(z, return_inverse=True)
        return keys, index
    bins = np.floor(z * (0.5 / half))
    first, last = (float(bins.min()), float(bins.max())) if len(bins) else (0.0, 0.0)
    if last - first > 16 * len(bins) + FEW:
        keys, index = np.unique(bins, return_inverse=True)
        return keys, index
    # Counting instead of sorting, where bins are not much more than points.
    place = (bins - first).astype(np.int64)
    taken = np.bincount(place) > 0
    keys = first + np.flatnonzero(taken).astype(np.float64)
    return keys, (np.cumsum(taken) - 1)[place].astype(np.intp)


def _two_points(sums: Floats, half: float) -> tuple[Floats, Floats]:
    """Places about the centre and masses, (2, m) each, that match Σ b δᵖ for p = 0 to 3."""
    total = sums[:, 0]
    first, second, third = (sums[:, p] / total for p in range(1, MOMENTS))
    variance = np.maximum(second - first**2, 0.0)
    skewed = third - 3 * first * second + 2 * first**3
    sd = np.sqrt(variance)
    # Below this, what the sums say of shape is rounding; the mean then stands for all.
    wide = sd > 2.0**-20 * half
    skew = np.where(wide, skewed / np.where(wide, sd, 1.0) ** 3, 0.0) / 2
    root = np.sqrt(1 + skew**2)
    upper = np.where(skew > 0, skew + root, 1 / (root - skew))
    share = 1 / (1 + upper**2)
    places = np.stack([first - sd / upper, first + sd * upper])
    return np.clip(places, -half, half), np.stack([total * (1 - share), total * share])
