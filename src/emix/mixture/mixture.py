"""Mixture: a Gaussian mixture as an immutable value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, Labels, Points, frozen, is_whole
from emix.covariance import Dense, Isotropic
from emix.devices import device_of, is_on_device, rows_of
from emix.engines import dask
from emix.errors import ParameterError
from emix.given import (
    as_rows,
    check_positive,
    check_shape,
    check_weights,
    numbers,
    symmetric,
)
from emix.kernels import kernel_for
from emix.mixture.parameters import Parameters

if TYPE_CHECKING:
    import os

    from emix.mixture.conditioning import Regression
    from emix.mixture.entropy import Estimate


class Mixture(Parameters):
    """f(x) = Σ_k Φ_k N(x | μ_k, Σ_k) with k components in d columns.

    Parameters
    ----------
    weights : (k,) mixing weights Φ, not negative, summing to 1
    means : (k, d) component means μ, in the units of the data
    covariances : (k, d, d) symmetric positive definite matrices Σ, in squared units

    Components keep the order given; what a fit returns is in canonical order (see
    `in_canonical_order`). Arrays handed out are read-only.

    Raises `ParameterError` for parameters that make no mixture.

    >>> m = Mixture.univariate(weights=[0.4, 0.6], means=[54.6, 80.1], sds=[5.9, 5.9])
    >>> m.predict([50.0, 90.0]).tolist()
    [0, 1]
    """

    __slots__ = ()

    def __init__(self, weights: object, means: object, covariances: object) -> None:
        w = numbers(weights, "weights", 1)
        k = len(w)
        mu = numbers(means, "means", 2)
        if mu.shape[0] != k:
            raise ParameterError(f"means has shape {mu.shape}; expected one row for each of {k} "
                                 f"weights")
        sigma = numbers(covariances, "covariances", 3)
        d = mu.shape[1]
        check_shape(sigma, "covariances", k, d, d)
        check_weights(w)
        if d == 1:
            check_positive(sigma[:, 0, 0], "covariances")
            self._set(w, mu, Isotropic(frozen(np.sqrt(sigma[:, 0, 0]))))
        else:
            self._set(w, mu, Dense.from_matrices(symmetric(sigma)))

    @classmethod
    def univariate(cls, weights: object, means: object, sds: object) -> Mixture:
        """A mixture in one column from weights, means and standard deviations, each (k,).

        Raises `ParameterError` for parameters that make no mixture.
        """
        w, mu, sd = (numbers(v, name, 1) for v, name in
                     ((weights, "weights"), (means, "means"), (sds, "sds")))
        if not len(w) == len(mu) == len(sd):
            raise ParameterError(f"{len(w)} weights, {len(mu)} means and {len(sd)} sds; expected "
                                 f"as many of each")
        check_weights(w)
        check_positive(sd, "sds")
        return cls.trusted(w, mu[:, None], Isotropic(frozen(sd)))

    @property
    def mean(self) -> float | Floats:
        """E[x] = Σ Φ_k μ_k: a number in one column, (d,) in more."""
        mean = self.weights @ self.means
        return float(mean[0]) if self.n_features == 1 else mean

    @property
    def variance(self) -> float | Floats:
        """Cov[x] = Σ Φ_k (Σ_k + (μ_k − E[x])(μ_k − E[x])ᵀ): a number in one column, (d, d) in
        more."""
        between = self.means - self.mean
        total = np.einsum("k,kij->ij", self.weights, self.covariance.dense())
        total = total + np.einsum("k,ki,kj->ij", self.weights, between, between)
        return float(total[0, 0]) if self.n_features == 1 else total

    def logpdf(self, x: object) -> Floats:
        """log f(x) for rows x (n, d) or (n,): shape (n,), natural logarithm.

        Of an array of another library (torch, CuPy) such an array, on the same device, which needs
        the extra `devices`; of an array or a frame of Dask's one of Dask's, not yet computed. So
        too with `pdf`, `responsibilities` and `predict`.

        Raises `DataError` when x has other columns than the mixture.

        >>> Mixture.univariate([1.0], [0.0], [1.0]).logpdf([0.0]).round(6).tolist()
        [-0.918939]
        """
        if dask.is_collection(x):
            lazy: Floats = dask.mapped(x, self.logpdf)
            return lazy
        rows = self._rows(x)
        return kernel_for(self, rows).log_density(self, rows)

    def pdf(self, x: object) -> Floats:
        """f(x) for rows x (n, d) or (n,): shape (n,), in 1 / (units of x)ᵈ.

        Where that is too large or small for a double it is +∞ or 0; `logpdf` is not.
        """
        if dask.is_collection(x):
            lazy: Floats = dask.mapped(x, self.pdf)
            return lazy
        logs = self.logpdf(x)
        with np.errstate(under="ignore", over="ignore"):
            density: Floats = device_of(logs).xp.exp(logs)
        return density

    def responsibilities(self, x: object) -> Floats:
        """P(component k | x) for rows x: shape (n, k); every row sums to 1.

        >>> m = Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
        >>> m.responsibilities([3.0, 4.5]).round(3).tolist()
        [[0.818, 0.182], [0.047, 0.953]]
        """
        if dask.is_collection(x):
            lazy: Floats = dask.mapped(x, self.responsibilities)
            return lazy
        rows = self._rows(x)
        return kernel_for(self, rows).responsibilities(self, rows)

    def predict(self, x: object) -> Labels:
        """The most probable component of each row: shape (n,), counted from 0."""
        if dask.is_collection(x):
            lazy: Labels = dask.mapped(x, self.predict)
            return lazy
        rows = self._rows(x)
        return kernel_for(self, rows).labels(self, rows)

    def cdf(self, x: object) -> Floats:
        """P(X ≤ x) = Σ Φ_k Ψ((x − μ_k) / σ_k), one column: shape (n,).

        Raises `ParameterError` for more columns.
        """
        from emix.mixture.univariate import cdf

        return cdf(self, self._points(x)[:, 0].astype(np.float64, copy=False))

    def quantile(self, probability: object) -> Floats:
        """The x with cdf(x) = probability, one column: same shape as `probability`.

        0 and 1 give −∞ and ∞. Raises `ParameterError` for more columns or a probability
        outside [0, 1].

        >>> Mixture.univariate([1.0], [0.0], [1.0]).quantile([0.025, 0.975]).round(6).tolist()
        [-1.959964, 1.959964]
        """
        from emix.mixture.univariate import quantile

        return quantile(self, np.asarray(probability, dtype=np.float64))

    def entropy(self) -> float:
        """−∫ f log f in nats: of one component in closed form, in one column by quadrature to
        about 1e-9, in more an estimate with some four decimals; see `entropy_estimate`."""
        return self.entropy_estimate().value

    def entropy_estimate(self) -> Estimate:
        """The entropy in nats as `(value, standard_error)`, the same numbers each time.

        In more columns the part that has no closed form, how unsure it is which component a row
        is from, is a mean over quasi-random points: exact where components lie far apart or
        coincide, else to a standard error near 1e-4. The error given is 0 of one component and
        in one column, where what is left is rounding or 1e-9. Raises `ParameterError` for
        several components in more than 21201 columns.
        """
        from emix.mixture.entropy import Estimate, estimate

        if self.n_features == 1 and self.n_components > 1:
            from emix.mixture.univariate import entropy

            return Estimate(entropy(self), 0.0)
        return estimate(self)

    def marginal(self, columns: object) -> Mixture:
        """The mixture of some columns, in the order given: positions from 0, or one of them.

        Raises `ParameterError` for what is no column or there twice.

        >>> m = Mixture([1.0], [[1.0, 2.0]], [[[4.0, 1.0], [1.0, 9.0]]])
        >>> m.marginal(1).mean, round(m.marginal(1).variance, 6)
        (2.0, 9.0)
        """
        from emix.mixture.conditioning import marginal

        return marginal(self, columns)

    def condition(self, columns: object, values: object) -> Mixture:
        """The mixture of the other columns, in their order, where x[columns] = values (m,).

        Weights are the responsibilities of the known columns alone; each component keeps what
        its own regression leaves: μ_r + Σ_ro Σ_oo⁻¹ (x_o − μ_o) and Σ_rr − Σ_ro Σ_oo⁻¹ Σ_or.

        Raises `ParameterError` for what is no column or when none is left, `DataError` for
        unusable values, `NumericalError` when a mean leaves the range of numbers.

        >>> m = Mixture([1.0], [[0.0, 2.0]], [[[4.0, 3.0], [3.0, 9.0]]])
        >>> m.condition(0, 1.0).mean
        2.75
        """
        from emix.mixture.conditioning import condition

        return condition(self, columns, values)

    def regress(self, columns: object, values: object) -> Regression:
        """E and Cov of the other columns given x[columns], for each row of values (n, m).

        Gives `(mean (n, r), covariance (n, r, r))`, the moments of `condition` row by row: the
        regression of r columns on m that the mixture implies, and how far to trust it there.
        One known column may come as (n,). Raises as `condition` does.

        >>> m = Mixture([1.0], [[0.0, 2.0]], [[[4.0, 3.0], [3.0, 9.0]]])
        >>> m.regress(0, [1.0, 5.0]).mean.tolist()
        [[2.75], [5.75]]
        """
        from emix.mixture.conditioning import regress

        return regress(self, columns, values)

    def mahalanobis(self, x: object) -> Floats:
        """((x − μ_k)ᵀ Σ_k⁻¹ (x − μ_k))^½ of each row to each component, (n, k), not squared.

        Raises `DataError` when x has other columns than the mixture.

        >>> Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 2.0]).mahalanobis([3.0]).tolist()
        [[1.0, 1.0]]
        """
        from emix.mixture.typical import mahalanobis

        return mahalanobis(self, self._points(x))

    def most_typical(self, x: object, n: int = 1) -> tuple[Labels, ...]:
        """For each component the n rows of x that show best what it is, the best first.

        They are, of the rows that `predict` assigns to the component, those with the smallest
        Mahalanobis distance to it; fewer, or none, where fewer are assigned. k arrays of
        positions from 0, of rows that are equally near the earlier first.

        Raises `DataError` when x has other columns than the mixture, `ParameterError` when n
        is no number of rows.

        >>> m = Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
        >>> [rows.tolist() for rows in m.most_typical([1.5, 4.4, 2.1, 9.0], n=2)]
        [[2, 0], [1, 3]]
        """
        from emix.mixture.typical import most_typical

        if not is_whole(n, least=1):
            raise ParameterError(f"n={n!r}; expected a number of rows, 1 or more")
        points = self._points(x)
        return most_typical(self, points, self.predict(points), n)

    def sample(self, n: int, seed: int | np.random.Generator = 0) -> tuple[Floats, Labels]:
        """n independent rows and the components they came from: (n, d) or (n,), and (n,).

        An integer seed gives the same rows each time; a Generator is advanced.
        Raises `ParameterError` when n is no number of rows or seed is no seed.
        """
        from emix.mixture.sampling import sample

        x, labels = sample(self, n, seed)
        return (x[:, 0] if self.n_features == 1 else x), labels

    def to_dict(self) -> dict[str, Any]:
        """Plain lists: weights (k), means (k, d), covariances (k, d, d), and the numbers that the
        mixture itself keeps instead of the latter, from which it comes back to the bit.

        Those are sds (k), standard deviations, in one column; in more columns, as the structure
        of the covariances has it, sds (k) of σ²I or (k, d) of diagonal ones; cholesky (k, d, d),
        or (d, d) for all components, with Σ = L Lᵀ; or axes (k, d), the standard deviations
        along the columns of orientations (k, d, d).
        """
        from emix.mixture.plaindata import smallest

        return {**smallest(self), "covariances": self.covariance.dense().tolist()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Mixture:
        """The mixture of `to_dict`; of covariances and the other form either may be missing.

        Raises `ParameterError` when it describes no mixture, or two different ones.
        """
        from emix.mixture.plaindata import parameters

        weights, means, spread = parameters(plain)
        if isinstance(spread, np.ndarray):
            return cls(weights, means, spread)
        return cls.trusted(weights, means, spread)

    def save(self, path: str | os.PathLike[str], **about: Any) -> None:
        """Write a model file, versioned JSON that appears whole or not at all.

        `about` is plain data to keep beside it. Raises OSError; what was at `path` is then
        untouched.
        """
        from emix.mixture.modelfile import save

        save(self, path, **about)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Mixture:
        """The mixture in a model file, to the bit; raises `ModelFileError` for anything else."""
        from emix.mixture.modelfile import load

        return load(path)

    def _rows(self, x: object) -> Points:
        return rows_of(x, self.n_features) if is_on_device(x) else self._points(x)

    def _points(self, x: object) -> Points:
        return as_rows(x, self.n_features)
