"""First and second derivatives of the observed-data log-likelihood, as a monoid over blocks.

With g_ik the gradient of log Φ_k N(x_i | μ_k, Σ_k) and H_ik its Hessian, row i has the score
s_i = Σ_k r_ik g_ik and the Hessian Σ_k r_ik (H_ik + g_ik g_ikᵀ) − s_i s_iᵀ (Louis 1982,
doi:10.1111/j.2517-6161.1982.tb01203.x). All of it is analytic, for every structure, in the
coordinates of `emix.climbing.coordinates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import LOG_2PI, Block, Units
from emix.sources.protocol import merge

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.climbing.coordinates import Coordinates
    from emix.sources.protocol import Source
    from emix.statistics import Statistics

# Numbers that one array of a chunk of rows may hold, and the rows at most: what a cache holds.
CHUNK_NUMBERS = 1 << 20
CHUNK_ROWS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Information:
    """Sums over rows i with weights w, of one mixture in its p coordinates.

    score    (p,)    Σ w s, the gradient of the log-likelihood
    hessian  (p, p)  of the log-likelihood; the observed information is its negative
    outer    (p, p)  Σ w s sᵀ, the outer product of scores
    loglik           Σ w log f(x)
    total            Σ w
    """

    score: Floats
    hessian: Floats
    outer: Floats
    loglik: float
    total: float

    @classmethod
    def zero(cls, size: int) -> Information:
        """The neutral element for p = size coordinates."""
        square = (size, size)
        return cls(np.zeros(size), np.zeros(square), np.zeros(square), 0.0, 0.0)

    def __add__(self, other: Information) -> Information:
        return Information(
            self.score + other.score, self.hessian + other.hessian, self.outer + other.outer,
            self.loglik + other.loglik, self.total + other.total,
        )


def information(
    source: Source, coordinates: Coordinates, units: Units | None = None
) -> Information:
    """The derivatives over all the data, at the mixture that the coordinates are those of.

    With `units`, mixture and model are in internal units, and so is the log-likelihood.
    """
    return source.reduce(Inform(coordinates, units), Information.zero(coordinates.size))


@dataclass(frozen=True, slots=True, eq=False)
class Inform:
    """From block to the `Information` at the mixture of some coordinates."""

    coordinates: Coordinates
    units: Units | None = None

    def __call__(self, block: Block) -> Information:
        return _of_block(block, self.coordinates, self.units)


def objective_derivatives(
    found: Information, coordinates: Coordinates
) -> tuple[Floats, Floats]:
    """Gradient (p,) and Hessian (p, p) of the objective: log-likelihood plus log prior."""
    if coordinates.model.prior.is_flat:
        return found.score, found.hessian
    gradient, hessian = prior_derivatives(coordinates)
    return found.score + gradient, found.hessian + hessian


def score(statistics: Statistics, coordinates: Coordinates) -> Floats:
    """The gradient (p,) of the objective from an E-step at the mixture of the coordinates."""
    gradient = _Sums.of(statistics, coordinates).gradient(coordinates)
    if coordinates.model.prior.is_flat:
        return gradient
    return gradient + prior_derivatives(coordinates)[0]


def complete_information(statistics: Statistics, coordinates: Coordinates) -> Floats:
    """(p, p) The expected information of as many points whose components are known: the metric in
    which EM climbs, positive definite where every component has points."""
    return -_Sums.expected(statistics, coordinates).hessian(coordinates)


def prior_derivatives(coordinates: Coordinates) -> tuple[Floats, Floats]:
    """Gradient (p,) and Hessian (p, p) of the log prior density.

    A Dirichlet and a conjugate prior are those of the points that they imagine.
    """
    c, prior = coordinates, coordinates.model.prior
    sums = _Sums.zero(c)
    sums.labels[:] = np.where(c.model.held.learned_weights, prior.concentration - 1, 0.0)
    if prior.imagined is not None:
        imagined, covariance = prior.imagined, c.mixture.covariance
        values, vectors = np.linalg.eigh(imagined.scatter)
        root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
        sums.counts[:], sums.sizes[:] = imagined.count, imagined.weight
        for j, mean in enumerate(c.mixture.means):
            away = covariance.whiten((imagined.mean - mean)[None], j)[0]
            whitened = covariance.whiten(root, j)
            sums.shifts[j] = imagined.count * away
            sums.scatters[j] = whitened.T @ whitened + imagined.count * np.outer(away, away)
    gradient, hessian = sums.gradient(c), sums.hessian(c)
    if prior.means is not None:
        learned = c.model.held.learned_means
        for j, (frame, at) in enumerate(zip(c.frames, c.at, strict=True)):
            precision = learned[j] / prior.means.sd**2
            gradient[at] += frame.T @ (precision * (prior.means.mean - c.mixture.means[j]))
            hessian[np.ix_(at, at)] -= (frame.T * precision) @ frame
    return gradient, hessian


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """What complete-data derivatives are made of, for each component in whitened coordinates.

    labels, counts, sizes (k,) are points: as weights, means and log-determinants count them, which
    are all Σ w r for data; shifts (k, d) Σ w r z, scatters (k, d, d) Σ w r z zᵀ.
    """

    labels: Floats
    counts: Floats
    sizes: Floats
    shifts: Floats
    scatters: Floats

    @classmethod
    def zero(cls, coordinates: Coordinates) -> _Sums:
        k, d = coordinates.mixture.means.shape
        none = np.zeros(k)
        return cls(none, none.copy(), none.copy(), np.zeros((k, d)), np.zeros((k, d, d)))

    @classmethod
    def of(cls, statistics: Statistics, coordinates: Coordinates) -> _Sums:
        """Of an E-step at the mixture of the coordinates, whatever form its scatter has: what a
        structure cannot tell apart its slopes do not either."""
        mixture, scatter = coordinates.mixture, statistics.scatter
        k, d = mixture.means.shape
        sums = cls.zero(coordinates)
        sums.labels[:] = sums.counts[:] = sums.sizes[:] = statistics.weight
        if scatter.ndim == 1:
            scatter = scatter[:, None, None] / d * np.eye(d)
        elif scatter.ndim == 2:
            scatter = scatter[:, :, None] * np.eye(d)
        for j in range(k):
            sums.shifts[j] = mixture.covariance.whiten(statistics.shift[j][None], j)[0]
        for j, own in enumerate(scatter):
            half = mixture.covariance.whiten(own, j)
            sums.scatters[j] = mixture.covariance.whiten(half.T, j)
        return sums

    @classmethod
    def expected(cls, statistics: Statistics, coordinates: Coordinates) -> _Sums:
        """What they are on average for so many points of each component."""
        sums, d = cls.zero(coordinates), coordinates.mixture.n_features
        sums.labels[:] = sums.counts[:] = sums.sizes[:] = statistics.weight
        sums.scatters[:] = statistics.weight[:, None, None] * np.eye(d)
        return sums

    def gradient(self, c: Coordinates) -> Floats:
        gradient = np.zeros(c.size)
        gradient[: len(c.rated)] = self.labels @ c.weight_slopes()
        for j, at in enumerate(c.at):
            gradient[at] = _whitened_frame(c, j).T @ self.shifts[j]
            along = c.spreads.along[j]
            squares = np.einsum("aij,ij->a", along.slopes, self.scatters[j])
            gradient[c.spread_at(j)] -= 0.5 * (self.sizes[j] * along.growth + squares)
        return gradient

    def hessian(self, c: Coordinates) -> Floats:
        """Of Σ_k r_k log Φ_k N(x | μ_k, Σ_k), responsibilities held still."""
        hessian = np.zeros((c.size, c.size))
        w, shares = len(c.rated), c.shares[c.rated]
        labelled = float(self.labels[c.model.held.learned_weights].sum())
        hessian[:w, :w] = labelled * (np.outer(shares, shares) - np.diag(shares))
        for j, at in enumerate(c.at):
            frame, along, spread = _whitened_frame(c, j), c.spreads.along[j], c.spread_at(j)
            hessian[np.ix_(at, at)] -= self.counts[j] * frame.T @ frame
            mixed = frame.T @ np.einsum("aij,j->ia", along.slopes, self.shifts[j])
            hessian[np.ix_(at, spread)] += mixed
            hessian[np.ix_(spread, at)] += mixed.T
            hessian[np.ix_(spread, spread)] -= 0.5 * along.bends(self.scatters[j])
        return hessian


def _whitened_frame(c: Coordinates, component: int) -> Floats:
    """R⁻¹ M (d, m)."""
    frame = c.frames[component]
    return c.mixture.covariance.whiten(frame.T, component).T if frame.size else frame


def _of_block(block: Block, c: Coordinates, units: Units | None) -> Information:
    rows = min(max(CHUNK_NUMBERS // max(c.size, 1), 64), CHUNK_ROWS)
    scorer, sums = _Scorer(c), _Sums.zero(c)
    # What leaves the doubles is not finite in the end, and whoever asks sees it there.
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        parts = [
            scorer.of_rows(block.rows(start, start + rows), units, sums)
            for start in range(0, block.n_rows, rows)
        ]
        found = merge(parts, Information.zero(c.size))
        return Information(
            found.score, found.hessian + sums.hessian(c), found.outer, found.loglik, found.total
        )


class _Scorer:
    """The scores of rows, what is the same for all rows worked out once."""

    def __init__(self, coordinates: Coordinates) -> None:
        c = self.coordinates = coordinates
        mixture, d = c.mixture, c.mixture.n_features
        with np.errstate(divide="ignore"):
            self.heights = np.log(mixture.weights) - 0.5 * (
                mixture.covariance.log_determinants + d * LOG_2PI
            )
        w = np.arange(len(c.rated))
        self.at = [np.concatenate([w, c.at[j], c.spread_at(j)]) for j in range(len(c.at))]
        self.rates, self.frames = c.weight_slopes(), [
            _whitened_frame(c, j) for j in range(len(c.at))
        ]
        along_axes = c.model.structure.orientation == "I"
        self.pairs = (np.arange(d), np.arange(d)) if along_axes else np.triu_indices(d)
        self.slopes = [self._packed(along.slopes) for along in c.spreads.along]

    def _packed(self, slopes: Floats) -> Floats:
        """Coefficients of z_i z_j, i ≤ j, in zᵀ (∂Q/∂θ) z: (m, pairs)."""
        i, j = self.pairs
        packed: Floats = slopes[:, i, j] * np.where(i == j, 1.0, 2.0)
        return packed

    def of_rows(self, block: Block, units: Units | None, sums: _Sums) -> Information:
        """Scores, and of the Hessian all but the complete-data part, whose sums go to `sums`."""
        c, n = self.coordinates, block.n_rows
        points = block.points.astype(np.float64) if units is None else units.inward(block.points)
        given = np.ones(n) if block.sample_weight is None else block.sample_weight
        whitened = [c.mixture.covariance.whiten(points - mean, j)
                    for j, mean in enumerate(c.mixture.means)]
        logs = np.stack([height - 0.5 * (z**2).sum(axis=1)
                         for height, z in zip(self.heights, whitened, strict=True)], axis=1)
        largest = logs.max(axis=1, keepdims=True)
        shares = np.exp(logs - largest)
        each = shares.sum(axis=1, keepdims=True)
        shares /= each
        densities = (largest + np.log(each))[:, 0]
        scores, between = np.zeros((c.size, n)), np.zeros((c.size, c.size))
        for j, z in enumerate(whitened):
            self._add(j, np.ascontiguousarray(z.T), shares[:, j], given, sums, scores, between)
        weighted = scores * given
        outer = weighted @ scores.T
        score: Floats = weighted.sum(axis=1)
        return Information(score, between - outer, outer, float(given @ densities),
                           float(given.sum()))

    def _add(
        self, j: int, z: Floats, share: Floats, given: Floats, sums: _Sums, scores: Floats,
        between: Floats,
    ) -> None:
        """One component's part in the scores (p, n), and Σ w r g gᵀ, from its whitened rows (d, n):
        a coordinate's numbers lie side by side."""
        c, at = self.coordinates, self.at[j]
        products = z[self.pairs[0]] * z[self.pairs[1]]
        own = np.empty((len(at), len(share)))
        w, m = len(c.rated), self.frames[j].shape[1]
        own[:w] = self.rates[j][:, None]
        own[w: w + m] = self.frames[j].T @ z
        own[w + m:] = -0.5 * (self.slopes[j] @ products + c.spreads.along[j].growth[:, None])
        scores[at] += share * own
        weight = share * given
        between[np.ix_(at, at)] += (own * weight) @ own.T
        count = weight.sum()
        for counted in (sums.labels, sums.counts, sums.sizes):
            counted[j] += count
        sums.shifts[j] += z @ weight
        sums.scatters[j] += (z * weight) @ z.T
