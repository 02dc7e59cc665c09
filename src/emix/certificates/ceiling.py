"""What no mixture can exceed: the dual bound on the log-likelihood, for data of any size.

For positive numbers f(x), any mixing distribution G of normals N(u, σ²), and W = Σ w, Jensen gives

    Σ w log f_G(x)  ≤  Σ w log f(x) + W log max_u D(u),   D(u) = Σ (w/W) N(x | u, σ²) / f(x),

whatever f is: so neither the optimum nor rounding in f has to be trusted, only D's maximum. With f
the nonparametric maximum likelihood the two sides meet (Lindsay 1983,
doi:10.1214/aos/1176346059). Wider components are inside: N(u, s²) with s ≥ σ is itself a mixture
of N(·, σ²), so that the maximum over all (u, s) with s ≥ σ lies at s = σ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emix.certificates.lumps import COST, Lumps, half_width
from emix.certificates.npmle import maximise_mixing
from emix.certificates.supremum import ROUNDING, WINDOW, supremum
from emix.covariance import Isotropic
from emix.kernels import kernel_for
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.arrays import Block, Floats
    from emix.certificates.lumps import Nodes
    from emix.moments import Moments
    from emix.sources.array import ArraySource


# Half the width of bins, in σ, that are fine enough to come near the best mixture with.
COARSE = 2.0**-4


@dataclass(frozen=True, slots=True)
class Ceiling:
    """bound, in nats and the data's units; the mixture it rests on and its log-likelihood, which
    the bound is above by no more than their difference."""

    bound: float
    npmle: Mixture
    loglik: float


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """A monoid over blocks: Σ w and Σ w log f(x), both rounded once, Σ |w log f(x)|, no less than
    the largest |log f| + |log w|, and the mass w / (W σ f(x)) of points in units of σ, in lumps."""

    weight: float
    loglik: float
    size: float
    largest: float
    lumps: Lumps

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.weight + other.weight, self.loglik + other.loglik, self.size + other.size,
                     max(self.largest, other.largest), self.lumps + other.lumps)


def ceiling(source: ArraySource, moments: Moments, sd: float, threads: int) -> Ceiling:
    """The least upper bound found on the log-likelihood of mixtures of one column whose standard
    deviations are `sd` or more, in the units of the data."""
    dual = _Dual(source, moments, sd, threads)
    # Far points have no density, as they should, whatever the caller thinks of underflow.
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        atoms = None
        for half in dual.halves:
            nodes = dual.nodes(half)
            shares = nodes.masses / nodes.masses.sum()
            atoms = maximise_mixing(nodes.z, shares, moments.weight, atoms)
        assert atoms is not None
        means = dual.centre + sd * atoms.places
        sds = np.full(len(means), sd)
        return dual.bound(Mixture.trusted(atoms.weights, means[:, None], Isotropic(sds)))


def gradient_function(
    source: ArraySource, moments: Moments, mixture: Mixture, sd: float, u: Floats, threads: int
) -> Floats:
    """D(u) = Σ (w/W) N(x | u, sd²) / f(x) at places u (m,), f the mixture's density."""
    dual = _Dual(source, moments, sd, threads)
    places, values = (u - dual.centre) / sd, np.zeros(len(u))
    with np.errstate(under="ignore", over="ignore"):
        nodes = dual.tally(mixture).lumps.nodes()
        for some in np.array_split(np.arange(len(u)), max(1, len(u) // 64)):
            x = nodes.z - places[some][:, None]
            values[some] = np.exp(-0.5 * x * x) @ nodes.masses
    return values / math.sqrt(2 * math.pi)


@dataclass(frozen=True, eq=False)
class _Dual:
    source: ArraySource
    moments: Moments
    sd: float
    threads: int

    @property
    def centre(self) -> float:
        return float(self.moments.mean[0])

    @property
    def half(self) -> float:
        return half_width(self.source.n_rows, self.moments.weight)

    @property
    def halves(self) -> list[float]:
        """Half-widths of bins that the problem is solved with: coarse ones first, as most steps are
        then cheap."""
        return [COARSE, self.half] if 0 < self.half < COARSE else [self.half]

    def nodes(self, half: float) -> Nodes:
        """The data as weighted nodes."""
        def of_block(block: Block) -> Lumps:
            weight = block.sample_weight
            masses = np.ones(block.n_rows) if weight is None else weight
            return Lumps.of(self.inward(block), masses, half)

        return self.source.reduce(of_block, Lumps.zero(half)).nodes()

    def inward(self, block: Block) -> Floats:
        """Points in units of σ about the mean; rounding moves them by 3 · 2⁻⁵³ |z| at most."""
        z: Floats = (block.points[:, 0].astype(np.float64) - self.centre) / self.sd
        return z

    def tally(self, mixture: Mixture) -> Tally:
        def of_block(block: Block) -> Tally:
            kept = _weighted(block)
            logs = kernel_for(mixture).log_density(mixture, kept.points, self.threads)
            weight = kept.sample_weight
            log_weight = np.zeros(1) if weight is None else np.log(weight)
            terms = logs if weight is None else weight * logs
            masses = np.exp(log_weight - logs - math.log(self.moments.weight) - math.log(self.sd))
            largest = np.abs(logs).max(initial=0.0) + np.abs(log_weight).max(initial=0.0)
            total = float(kept.n_rows) if weight is None else math.fsum(weight.tolist())
            return Tally(total, math.fsum(terms.tolist()), float(np.abs(terms).sum()),
                         float(largest), Lumps.of(self.inward(kept), masses, self.half))

        return self.source.reduce(of_block, Tally(0.0, 0.0, 0.0, 0.0, Lumps.zero(self.half)))

    def bound(self, mixture: Mixture) -> Ceiling:
        """The bound that this mixture's density gives, rounded upwards."""
        tally = self.tally(mixture)
        weight = tally.weight
        nodes = tally.lumps.nodes()
        highest = supremum(nodes.z, nodes.masses, nodes.remainders, nodes.margin,
                           self._error(tally, nodes), COST / 10 / weight)
        if not highest < math.inf:
            return Ceiling(math.inf, mixture, tally.loglik)
        # Masses are shares of a Σ w that may have been rounded otherwise.
        above = weight * (math.log(highest) + math.log(self.moments.weight / weight))
        # Products, sums over blocks, the logarithms and Σ w itself: a rounding or two each.
        slack = 8 * ROUNDING * (tally.size + 2 * weight + abs(above))
        return Ceiling(tally.loglik + above + slack, mixture, tally.loglik)

    def _error(self, tally: Tally, nodes: Nodes) -> float:
        """Relative errors of D: places are moved by roundings of z, which changes a term that is
        summed by at most 2 WINDOW times that; a mass is exp of a sum of four terms."""
        moved = 4 * ROUNDING * max(abs(float(nodes.z[0])), abs(float(nodes.z[-1])), 1.0)
        terms = tally.largest + abs(math.log(self.moments.weight)) + abs(math.log(self.sd))
        return math.expm1(2 * WINDOW * moved + 4 * ROUNDING * (terms + 4))


def _weighted(block: Block) -> Block:
    """The rows that count."""
    weight = block.sample_weight
    if weight is None or weight.all():
        return block
    counts = weight > 0
    return replace(block, points=np.ascontiguousarray(block.points[counts]),
                   sample_weight=weight[counts])
