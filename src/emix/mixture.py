"""Mixture: a Gaussian mixture as an immutable value."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, Labels, Order, Points, as_points, as_seed, frozen
from emix.covariance import Covariances, Dense, Isotropic
from emix.errors import DataError, ParameterError
from emix.kernels import kernel_for

if TYPE_CHECKING:
    import os

    from emix.arrays import Units

# How far weights may sum from 1: rounding of a few hundred decimals, no more.
WEIGHT_SLACK = 1e-12


class Mixture:
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

    __slots__ = ("covariance", "means", "weights")

    weights: Floats
    means: Floats
    covariance: Covariances

    def __init__(self, weights: object, means: object, covariances: object) -> None:
        w = _numbers(weights, "weights", 1)
        k = len(w)
        mu = _numbers(means, "means", 2)
        if mu.shape[0] != k:
            raise ParameterError(f"means has shape {mu.shape}; expected one row for each of {k} "
                                 f"weights")
        sigma = _numbers(covariances, "covariances", 3)
        d = mu.shape[1]
        if sigma.shape != (k, d, d):
            raise ParameterError(f"covariances has shape {sigma.shape}; expected {(k, d, d)}")
        _check_weights(w)
        if d == 1:
            _check_positive(sigma[:, 0, 0], "covariances")
            self._set(w, mu, Isotropic(frozen(np.sqrt(sigma[:, 0, 0]))))
        else:
            self._set(w, mu, Dense.from_matrices(sigma))

    @classmethod
    def univariate(cls, weights: object, means: object, sds: object) -> Mixture:
        """A mixture in one column from weights, means and standard deviations, each (k,).

        Raises `ParameterError` for parameters that make no mixture.
        """
        w, mu, sd = (_numbers(v, name, 1) for v, name in
                     ((weights, "weights"), (means, "means"), (sds, "sds")))
        if not len(w) == len(mu) == len(sd):
            raise ParameterError(f"{len(w)} weights, {len(mu)} means and {len(sd)} sds; expected "
                                 f"as many of each")
        _check_weights(w)
        _check_positive(sd, "sds")
        return cls.trusted(w, mu[:, None], Isotropic(frozen(sd)))

    @classmethod
    def trusted(cls, weights: Floats, means: Floats, covariance: Covariances) -> Mixture:
        """From parameters that are known to be valid, unchecked and uncopied."""
        mixture = object.__new__(cls)
        mixture._set(weights, means, covariance)
        return mixture

    def _set(self, weights: Floats, means: Floats, covariance: Covariances) -> None:
        object.__setattr__(self, "weights", frozen(weights))
        object.__setattr__(self, "means", frozen(means))
        object.__setattr__(self, "covariance", covariance)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Mixture does not change; build another to alter its {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Mixture does not change")

    def __reduce__(self) -> tuple[Any, ...]:
        return (Mixture.trusted, (self.weights, self.means, self.covariance))

    def __eq__(self, other: object) -> bool:
        """Equal to the bit, component by component."""
        return isinstance(other, Mixture) and all(
            np.array_equal(a, b)
            for a, b in ((self.weights, other.weights), (self.means, other.means),
                         (self._spread(), other._spread()))
        )

    def _spread(self) -> Floats:
        # Not variances in one column: the square of a small σ is 0.
        return self.sds if self.n_features == 1 else self.covariance.dense()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        w, mu = self.weights.tolist(), self.means
        if self.n_features == 1:
            return (f"Mixture.univariate(weights={w}, means={mu[:, 0].tolist()}, "
                    f"sds={self.sds.tolist()})")
        return f"Mixture(weights={w}, means={mu.tolist()}, covariances=<{self.covariances.shape}>)"

    @property
    def n_components(self) -> int:
        """k"""
        return len(self.weights)

    @property
    def n_features(self) -> int:
        """d"""
        return int(self.means.shape[1])

    @property
    def covariances(self) -> Floats:
        """Σ, shape (k, d, d); in one column (k, 1, 1)."""
        return frozen(self.covariance.dense())

    @property
    def sds(self) -> Floats:
        """σ, shape (k,), in one column; raises `ParameterError` in more."""
        if not isinstance(self.covariance, Isotropic) or self.n_features != 1:
            raise ParameterError("sds is for one column; in more use covariances (k, d, d)")
        return self.covariance.sds

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

        Raises `DataError` when x has other columns than the mixture.

        >>> Mixture.univariate([1.0], [0.0], [1.0]).logpdf([0.0]).round(6).tolist()
        [-0.918939]
        """
        return kernel_for(self).log_density(self, self._points(x))

    def pdf(self, x: object) -> Floats:
        """f(x) for rows x (n, d) or (n,): shape (n,), in 1 / (units of x)ᵈ."""
        with np.errstate(under="ignore"):
            density: Floats = np.exp(self.logpdf(x))
        return density

    def responsibilities(self, x: object) -> Floats:
        """P(component k | x) for rows x: shape (n, k); every row sums to 1.

        >>> m = Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
        >>> m.responsibilities([3.0, 4.5]).round(3).tolist()
        [[0.818, 0.182], [0.047, 0.953]]
        """
        return kernel_for(self).responsibilities(self, self._points(x))

    def predict(self, x: object) -> Labels:
        """The most probable component of each row: shape (n,), counted from 0."""
        return kernel_for(self).labels(self, self._points(x))

    def cdf(self, x: object) -> Floats:
        """P(X ≤ x) = Σ Φ_k Ψ((x − μ_k) / σ_k), one column: shape (n,).

        Raises `ParameterError` for more columns.
        """
        from emix.univariate import cdf

        return cdf(self, self._points(x)[:, 0].astype(np.float64, copy=False))

    def quantile(self, probability: object) -> Floats:
        """The x with cdf(x) = probability, one column: same shape as `probability`.

        0 and 1 give −∞ and ∞. Raises `ParameterError` for more columns or a probability
        outside [0, 1].

        >>> Mixture.univariate([1.0], [0.0], [1.0]).quantile([0.025, 0.975]).round(6).tolist()
        [-1.959964, 1.959964]
        """
        from emix.univariate import quantile

        return quantile(self, np.asarray(probability, dtype=np.float64))

    def entropy(self) -> float:
        """−∫ f log f in nats, one column, by adaptive quadrature to about 1e-9.

        Raises `ParameterError` for more columns.
        """
        from emix.univariate import entropy

        return entropy(self)

    def sample(self, n: int, seed: int | np.random.Generator = 0) -> tuple[Floats, Labels]:
        """n independent rows and the components they came from: (n, d) or (n,), and (n,).

        An integer seed gives the same rows each time; a Generator is advanced.
        Raises `ParameterError` when n is no number of rows or seed is no seed.
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise ParameterError(f"n={n!r}; expected a number of rows, 0 or more")
        rng = (
            seed if isinstance(seed, np.random.Generator)
            else np.random.default_rng(as_seed(seed))
        )
        labels = rng.choice(self.n_components, size=n, p=self.weights / self.weights.sum())
        x = rng.standard_normal((n, self.n_features))
        for component in range(self.n_components):
            mine = labels == component
            x[mine] = self.means[component] + self.covariance.unwhiten(x[mine], component)
        return (x[:, 0] if self.n_features == 1 else x), labels.astype(np.int64)

    def in_canonical_order(self) -> Mixture:
        """The same mixture with components sorted by mean (first column first), then by size.

        Fits are returned in this order, so that labels do not depend on where a fit started.
        """
        return self.reordered(self.canonical_order())

    def canonical_order(self) -> Order:
        """The permutation that `in_canonical_order` applies, shape (k,)."""
        if self.n_features == 1 and _ascend(self.means[:, 0].tolist()):
            return np.arange(self.n_components)
        keys = [-self.weights, self.covariance.log_determinants]
        keys += [self.means[:, j] for j in reversed(range(self.n_features))]
        return np.lexsort(keys)

    def reordered(self, order: Order) -> Mixture:
        """The same mixture with components in another order (k,)."""
        if order.tolist() == list(range(len(order))):
            return self
        return Mixture.trusted(
            self.weights[order], self.means[order], self.covariance.reordered(order)
        )

    def inward(self, units: Units) -> Mixture:
        """This mixture in internal units."""
        covariance = self.covariance.rescaled(units.scale)
        return Mixture.trusted(self.weights, units.inward(self.means), covariance)

    def outward(self, units: Units) -> Mixture:
        """This mixture, in internal units, in those of the data."""
        covariance = self.covariance.rescaled(1 / units.scale)
        return Mixture.trusted(self.weights, units.outward(self.means), covariance)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists: weights (k), means (k, d) and covariances (k, d, d); sds in one column."""
        plain: dict[str, Any] = {
            "weights": self.weights.tolist(),
            "means": self.means.tolist(),
            "covariances": self.covariance.dense().tolist(),
        }
        if self.n_features == 1:
            plain["sds"] = self.sds.tolist()
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Mixture:
        """The mixture of `to_dict`; raises `ParameterError` when it describes none."""
        missing = {"weights", "means", "covariances"} - set(plain)
        if missing:
            raise ParameterError(f"a mixture needs {', '.join(sorted(missing))} as well")
        if "sds" in plain:
            # sds are what one column is held by: taking them keeps the bits.
            means = _numbers(plain["means"], "means", 2)
            if means.shape[1] != 1:
                raise ParameterError(f"sds given for means in {means.shape[1]} columns")
            mixture = cls.univariate(plain["weights"], means[:, 0], plain["sds"])
            covariances = _numbers(plain["covariances"], "covariances", 3)
            with np.errstate(over="ignore", under="ignore"):
                dense = mixture.covariance.dense()
            if covariances.shape != dense.shape or not np.allclose(
                covariances, dense, rtol=1e-12, atol=0
            ):
                raise ParameterError("covariances are not the squares of sds; give one of them")
            return mixture
        return cls(plain["weights"], plain["means"], plain["covariances"])

    def save(self, path: str | os.PathLike[str], **about: Any) -> None:
        """Write a model file, versioned JSON that appears whole or not at all.

        `about` is plain data to keep beside it. Raises OSError; what was at `path` is then
        untouched.
        """
        from emix.modelfile import save

        save(self, path, **about)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Mixture:
        """The mixture in a model file, to the bit; raises `ModelFileError` for anything else."""
        from emix.modelfile import load

        return load(path)

    def _points(self, x: object) -> Points:
        if isinstance(x, int | float | np.number) or (isinstance(x, np.ndarray) and x.ndim == 0):
            x = np.reshape(np.asarray(x), (1,))
        points = as_points(x)
        if points.shape[1] != self.n_features:
            raise DataError(
                f"x has {points.shape[1]} columns, the mixture {self.n_features}; "
                f"expected shape (n, {self.n_features})"
            )
        if not np.isfinite(points).all():
            row, column = np.argwhere(~np.isfinite(points))[0]
            raise DataError(f"x holds {points[row, column]} at row {row}, column {column}; "
                            f"expected finite numbers")
        return points


def _ascend(values: list[float]) -> bool:
    return all(a < b for a, b in pairwise(values))


def _numbers(value: object, name: str, n_axes: int) -> Floats:
    """A copy of `value` as finite float64 with so many axes, or `ParameterError`."""
    try:
        array = np.array(value)
        if array.dtype.kind not in "fiu":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} is not an array of numbers of equal lengths") from None
    if array.ndim != n_axes or array.size == 0:
        raise ParameterError(f"{name} has shape {array.shape}; expected {n_axes} "
                             f"{'axis' if n_axes == 1 else 'axes'}, none of them empty")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ParameterError(f"{name}{list(where)} is {array[where]}; expected a finite number")
    return array


def _check_weights(weights: Floats) -> None:
    if (weights < 0).any():
        where = int(np.argmin(weights))
        raise ParameterError(f"weights[{where}] is {weights[where]}; mixing weights are not "
                             f"negative")
    if abs(weights.sum() - 1) > WEIGHT_SLACK:
        raise ParameterError(f"weights sum to {weights.sum():.15g}; expected 1 (divide them by "
                             f"their sum)")


def _check_positive(values: Floats, name: str) -> None:
    if not (values > 0).all():
        where = int(np.flatnonzero(~(values > 0))[0])
        raise ParameterError(f"{name}[{where}] is {values[where]}; expected a number above 0")
