"""Fraley and Raftery's conjugate prior on means and covariances: points imagined beside the data.

With a normal prior on each mean, centred and scaled with its component's covariance, and an inverse
gamma or Wishart prior on the covariance, the posterior is that of the data and some imagined points
(Fraley & Raftery 2007, doi:10.1007/s00357-007-0004-5). A little of it keeps a component from
collapsing on a few points, and smooths the choice of k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, as_columns, frozen
from emix.errors import ParameterError

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.covariance import Covariances, Structure


@dataclass(frozen=True, slots=True)
class ConjugatePrior:
    """A conjugate prior on means and covariances; whatever is None is mclust's default.

    shrinkage  κ = 0.01: the prior mean counts as that many points of each component
    mean       (d,) the data's mean
    dof        ν = d + 2, degrees of freedom of the prior on the covariance
    scale      the data's covariance (d, d) shrunk by k^(-2/d), divisor n − 1, its diagonal where
               it is singular; for spherical and diagonal structures one number, the mean of its
               diagonal; in squared units of the data

    With it EM climbs the log-posterior (up to a constant), and the likelihood of a component that
    narrows without end is bounded.

    >>> ConjugatePrior(shrinkage=0.1).shrinkage
    0.1
    """

    shrinkage: float = 0.01
    mean: object = None
    dof: float | None = None
    scale: object = None

    def __post_init__(self) -> None:
        for name, value, least in (("shrinkage", self.shrinkage, 0.0), ("dof", self.dof, 0.0)):
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            fits = number and math.isfinite(value) and value >= least  # type: ignore[arg-type,operator]
            if not fits and not (name == "dof" and value is None):
                raise ParameterError(f"ConjugatePrior {name}={value!r}; expected a number, "
                                     f"{least:g} or more")

    def imagined(
        self, structure: Structure, k: int, mean: Floats, covariance: Floats, n_rows: float
    ) -> Imagined:
        """The imagined points of each of k components, for data of this mean (d,) and covariance
        (d, d; divisor n − 1), Σ w = n_rows. Raises `ParameterError` for a mean or scale that does
        not fit."""
        d = len(mean)
        dof = d + 2 if self.dof is None else float(self.dof)
        if self.mean is not None:
            mean = as_columns(self.mean, d, "ConjugatePrior mean")
        if self.scale is not None:
            scale = _scale(self.scale, d)
        else:
            share = k ** (-2.0 / d)
            if n_rows <= d or _is_singular(covariance):
                covariance = np.diag(np.diag(covariance))
            is_full = structure.scatter_form in ("full", "pooled")
            scale = share * (covariance if is_full else np.trace(covariance) / d * np.eye(d))
        weight, part = _share(structure, k, d, dof)
        return Imagined(mean, float(self.shrinkage), weight, part * scale)

    def describe(self) -> str:
        """One phrase for reports."""
        given = {"mean": self.mean, "dof": self.dof, "scale": self.scale}
        parts = [f"shrinkage {self.shrinkage:g}", *(n for n, v in given.items() if v is not None)]
        return f"conjugate prior on μ and Σ ({', own '.join(parts)})"


def _share(structure: Structure, k: int, d: int, dof: float) -> tuple[float, float]:
    """(imagined points, share of the scale) for one of k components.

    Where one matrix serves all there is one prior on it, and each component imagines a k-th. The
    counts are those of mclust (its priors for VEI, EVI, EEI, EEV and VEV are not those of a
    density for each component, and were read off its fits); structures that mclust has no prior
    for are given that of the inverse Wishart density of each component.
    """
    inverse_gamma, wishart = dof + 2, dof + d + 1
    return {
        "E": (1 + inverse_gamma / k, 1 / k),
        "V": (1 + inverse_gamma, 1.0),
        "EII": (1 + inverse_gamma / (d * k), 1 / (d * k)),
        "VII": (1 + inverse_gamma / d, 1 / d),
        "EEI": (inverse_gamma / k, 1 / k),
        "VEI": ((inverse_gamma + 1) / d, 1.0),
        "EVI": (inverse_gamma / k, 1.0),
        "VVI": (1 + inverse_gamma, 1.0),
        "EEE": (1 + wishart / k, 1 / k),
        "EEV": ((1 + wishart) / k, 1.0),
        "VEV": (0.0, 1.0),
        "EVE": ((1 + wishart) / k, 1.0),
        "EVV": ((1 + wishart) / k, 1.0),
    }.get(structure.name, (1 + wishart, 1.0))


# Of the variance of some combination of columns less than this share is its own: none.
OWN_SHARE = 2.0**-40


def _is_singular(covariance: Floats) -> bool:
    """Whether columns are combinations of others, as far as doubles can tell."""
    variances = np.diag(covariance)
    sds = np.sqrt(np.where(variances > 0, variances, 1.0))
    least = np.linalg.eigvalsh(covariance / np.multiply.outer(sds, sds))[0]
    return bool(least < OWN_SHARE)


def _scale(value: object, d: int) -> Floats:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"ConjugatePrior scale={value!r} is not numbers; expected one, or a "
                             f"({d}, {d}) matrix, in squared units of the data") from None
    if array.ndim == 0:
        array = float(array) * np.eye(d)
    if array.shape != (d, d) or not np.isfinite(array).all():
        raise ParameterError(f"ConjugatePrior scale has shape {array.shape}; expected a finite "
                             f"number or a ({d}, {d}) matrix, in squared units of the data")
    with np.errstate(under="ignore"):
        is_symmetric = np.allclose(array, array.T, rtol=1e-10, atol=0)
    if not is_symmetric or np.linalg.eigvalsh(array)[0] <= 0:
        raise ParameterError("ConjugatePrior scale is not symmetric and positive definite")
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Imagined:
    """Points that each component imagines beside its own.

    mean (d,), count κ: so many of them lie at the prior mean; weight, scatter (d, d): what they
    add to the count and the scatter that the covariance is estimated from.
    """

    mean: Floats
    count: float
    weight: float
    scatter: Floats

    def __post_init__(self) -> None:
        frozen(self.mean)
        frozen(self.scatter)

    def scatter_about(self, means: Floats, form: str) -> Floats:
        """Scatter + κ (μ − m)(μ − m)ᵀ for means (k, d), in the form of a structure's scatter."""
        away = means - self.mean
        if form == "spherical":
            return np.trace(self.scatter) + self.count * (away**2).sum(axis=1)  # type: ignore[no-any-return]
        if form == "diagonal":
            diagonal: Floats = np.diag(self.scatter) + self.count * away**2
            return diagonal
        full: Floats = self.scatter + self.count * away[:, :, None] * away[:, None, :]
        return full.sum(axis=0, keepdims=True) if form == "pooled" else full

    def log_density(self, means: Floats, covariance: Covariances) -> float:
        """−½ Σ_k [weight log|Σ_k| + tr Σ_k⁻¹ (scatter + κ (μ_k − m)(μ_k − m)ᵀ)]."""
        values, vectors = np.linalg.eigh(self.scatter)
        root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
        total = self.weight * float(covariance.log_determinants.sum())
        for component, mean in enumerate(means):
            away = np.sqrt(self.count) * (mean - self.mean)
            whitened = covariance.whiten(np.vstack([root, away]), component)
            total += float((whitened**2).sum())
        return -0.5 * total

    def inward(self, units: Units) -> Imagined:
        scatter = self.scatter * np.multiply.outer(units.scale, units.scale)
        return Imagined(units.inward(self.mean), self.count, self.weight, scatter)
