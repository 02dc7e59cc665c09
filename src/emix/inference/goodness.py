"""Does the data look like the mixture? Probability integral transforms and a binned χ².

Under the mixture u₁ = F(x₁), u₂ = F(x₂ | x₁), … are independent and uniform on (0, 1) (Rosenblatt
1952, doi:10.1214/aoms/1177729394). Given component k the j-th is Ψ(z_kj) with z_k whitened by the
Cholesky factor, so that u_j = Σ_k P(k | x₁ … x_{j−1}) Ψ(z_kj).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import LOG_2PI, is_whole
from emix.errors import ParameterError
from emix.ground import ground_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.arrays import Floats
    from emix.mixture import Mixture
    from emix.result import Fit

FEWEST_BINS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Goodness:
    """How well a mixture describes data, column by column, each given those before it.

    pit         (n, d) probability integral transforms, uniform where the mixture is true
    weight      (n,) of the rows
    statistic   (d,) Pearson's χ² of the transforms in `bins` bins of equal probability
    p_values    (d, 2) at most and at least: parameters were fitted to the rows, not to the counts,
                so that the statistic lies between χ² with bins − 1 − df and with bins − 1 degrees
                of freedom (Chernoff & Lehmann 1954, doi:10.1214/aoms/1177728726)
    distance    (d,) the largest distance of the transforms' distribution from uniform
                (Kolmogorov's)
    """

    mixture: Mixture
    points: Floats
    pit: Floats
    weight: Floats
    columns: tuple[str, ...]
    bins: int
    df: int
    counts: Floats
    statistic: Floats
    p_values: Floats
    distance: Floats

    def report(self) -> str:
        """In words, for people."""
        width = max(9, *(len(name) for name in self.columns))
        lines = [f"Goodness of fit: {self.bins} bins of equal probability, df {self.df}", "",
                 f"{'':{width}} {'χ²':>10} {'p-value between':>18} {'distance':>12}"]
        for j, name in enumerate(self.columns):
            low, high = sorted(self.p_values[j])
            lines.append(f"{name:{width}} {self.statistic[j]:>10.3f} "
                         f"{f'{low:.4f} and {high:.4f}':>18} {self.distance[j]:>10.4f}")
        if len(self.columns) > 1:
            lines += ["", "Each column given those above it."]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"columns": list(self.columns), "bins": self.bins, "df": self.df,
                "counts": self.counts.tolist(), "statistic": self.statistic.tolist(),
                "p_values": self.p_values.tolist(), "distance": self.distance.tolist()}

    def plot(self, ax: Axes | None = None, kind: str = "qq", column: int = 0) -> Axes:
        """Quantiles of the data against those of the mixture ("qq"), shares against shares
        ("pp"), or the transforms' histogram ("pit"); needs the extra `plot`.

        In several columns quantiles are normal scores, of `column` given those before it.
        """
        from emix.plots import plot_goodness

        return plot_goodness(self, ax=ax, kind=kind, column=column)

    def __str__(self) -> str:
        return self.report()


def goodness(
    x: object, fit: Fit, bins: int | None = None, sample_weight: object = None
) -> Goodness:
    """See `Fit.goodness`."""
    ground = ground_of(x, fit, sample_weight)
    points = ground.source.points.astype(np.float64)
    given = ground.source.sample_weight
    weight = np.ones(len(points)) if given is None else given
    points, weight = points[weight > 0], weight[weight > 0]
    pit = transforms(ground.mixture, ground.units.inward(points))
    n = float(weight.sum())
    if bins is None:
        # Two n^(2/5), as for a test against smooth alternatives (Mann & Wald 1942).
        bins = max(FEWEST_BINS, fit.df + 3, round(2 * n**0.4))
    if not is_whole(bins, 2):
        raise ParameterError(f"bins={bins!r}; expected 2 bins or more")
    places = np.minimum((pit * bins).astype(np.intp), bins - 1)
    counts = np.stack([np.bincount(places[:, j], weight, bins).astype(np.float64)
                       for j in range(pit.shape[1])])
    statistic = ((counts - n / bins) ** 2).sum(axis=1) * bins / n
    p_values = np.stack([_tail(statistic, max(bins - 1 - fit.df, 1)), _tail(statistic, bins - 1)],
                        axis=1)
    return Goodness(fit.mixture, points, pit, weight, fit.columns, int(bins), fit.df, counts,
                    statistic, p_values, _distances(pit, weight))


def _tail(statistic: Floats, df: int) -> Floats:
    from scipy.special import chdtrc

    return np.asarray(chdtrc(df, statistic), np.float64)


def _distances(pit: Floats, weight: Floats) -> Floats:
    """sup |F_n(u) − u| in each column, with weights."""
    found = []
    for column in pit.T:
        order = np.argsort(column)
        after = np.cumsum(weight[order]) / weight.sum()
        before = np.concatenate([[0.0], after[:-1]])
        found.append(max(float((after - column[order]).max()),
                         float((column[order] - before).max())))
    return np.array(found)


def transforms(mixture: Mixture, points: Floats) -> Floats:
    """u (n, d) of rows (n, d)."""
    from scipy.special import ndtr

    factors, d = mixture.covariance.factors, mixture.n_features
    whitened = np.stack([
        np.linalg.solve(factor, (points - mean).T).T
        for factor, mean in zip(factors, mixture.means, strict=True)
    ])
    pivots = np.diagonal(factors, axis1=1, axis2=2)
    with np.errstate(divide="ignore"):
        logs = np.repeat(np.log(mixture.weights)[:, None], len(points), axis=1)
    found = np.empty((len(points), d))
    with np.errstate(under="ignore"):
        for j in range(d):
            shares = np.exp(logs - logs.max(axis=0))
            shares /= shares.sum(axis=0)
            found[:, j] = (shares * ndtr(whitened[:, :, j])).sum(axis=0)
            logs -= 0.5 * (whitened[:, :, j] ** 2 + LOG_2PI) + np.log(pivots[:, j])[:, None]
    return np.clip(found, 0.0, 1.0)
