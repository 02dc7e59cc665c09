"""Priors on what is learned. With a prior, EM climbs the log-posterior and the report says so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import LOG_2PI, Floats, Mask, as_columns, as_components, frozen
from emix.errors import ParameterError
from emix.model.conjugate import ConjugatePrior, Imagined

if TYPE_CHECKING:
    from emix.arrays import Order, Units
    from emix.covariance import Covariances, Structure


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """μ_kj ~ N(mean_j, sd_j²), independently for each learned mean, in the units of the data.

    A number serves every column; a list gives one for each of d columns.

    >>> NormalPrior(mean=0.0, sd=5.0)
    NormalPrior(mean=0.0, sd=5.0)
    """

    mean: float | Sequence[float] = 0.0
    sd: float | Sequence[float] = 1.0

    def __post_init__(self) -> None:
        try:
            mean, sd = (np.array(v, dtype=np.float64) for v in (self.mean, self.sd))
            fits = np.isfinite(mean).all() and np.isfinite(sd).all() and (sd > 0).all()
        except (TypeError, ValueError):
            fits = np.False_
        if not fits or any(isinstance(v, str | bool) for v in (self.mean, self.sd)):
            raise ParameterError(
                f"NormalPrior(mean={self.mean}, sd={self.sd}): the mean must be a finite "
                f"number and the sd a positive one (or a list, one for each column); for no "
                f"prior, leave it out"
            )


@dataclass(frozen=True, slots=True, eq=False)
class NormalMeans:
    """A `NormalPrior` laid out for d columns: mean (d,) and sd (d,)."""

    mean: Floats
    sd: Floats

    @classmethod
    def of(cls, prior: NormalPrior, n_features: int) -> NormalMeans:
        """Raises `ParameterError` where a list has not one number for each column."""
        return cls(*(frozen(as_columns(value, n_features, f"NormalPrior {name}"))
                     for value, name in ((prior.mean, "mean"), (prior.sd, "sd"))))

    def log_density(self, means: Floats, learned: Mask) -> float:
        """Σ log N(μ | mean, sd²) over the learned means of (k, d)."""
        terms = -0.5 * ((means - self.mean) / self.sd) ** 2 - np.log(self.sd) - 0.5 * LOG_2PI
        return float(terms[learned].sum())

    def inward(self, units: Units) -> NormalMeans:
        return NormalMeans(units.inward(self.mean), self.sd * units.scale)

    def describe(self) -> str:
        if (self.mean == self.mean[0]).all() and (self.sd == self.sd[0]).all():
            return f"μ ~ N({self.mean[0]:g}, {self.sd[0]:g}²)"
        inside = "; ".join(f"{m:g}, {s:g}²" for m, s in zip(self.mean, self.sd, strict=True))
        return f"μ ~ N({inside})"


@dataclass(frozen=True, slots=True)
class DirichletPrior:
    """Φ ~ Dirichlet(α): a number α ≥ 1 for all components, or one for each.

    α = 1 is flat; α = 2 counts one imagined point for each component. Below 1 the posterior
    has no maximum (a weight can fall to 0), so α < 1 is refused. Where some weights are held,
    the prior is on the learned ones, relative to what they share.

    >>> DirichletPrior(2.0)
    DirichletPrior(concentration=2.0)
    """

    concentration: float | Sequence[float] = 2.0

    def __post_init__(self) -> None:
        try:
            values = np.asarray(self.concentration, dtype=float)
        except (TypeError, ValueError):
            values = np.array(np.nan)
        if not (np.isfinite(values).all() and (values >= 1).all()):
            raise ParameterError(
                f"DirichletPrior(concentration={self.concentration}): every concentration must be "
                f"a number, at least 1, or the posterior has no maximum"
            )

    def per_component(self, k: int) -> Floats:
        """α as (k,); raises `ParameterError` for a list of another length."""
        return as_components(self.concentration, k, "DirichletPrior concentration")


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What is assumed of means, weights and covariances together; each may be absent.

    concentration (k,) is all ones where there is no prior on weights. `conjugate` is what was
    asked for; `imagined` what it comes to once the data has been looked at.
    """

    means: NormalMeans | None
    concentration: Floats
    conjugate: ConjugatePrior | None = None
    imagined: Imagined | None = None

    @classmethod
    def parse(cls, prior: object, k: int, n_features: int = 1) -> Prior:
        """From None, "conjugate", one prior, or a list of them. Raises `ParameterError`
        otherwise."""
        parts = prior if isinstance(prior, list | tuple) else [] if prior is None else [prior]
        means: NormalPrior | None = None
        weights: DirichletPrior | None = None
        conjugate: ConjugatePrior | None = None
        for part in parts:
            if isinstance(part, NormalPrior) and means is None:
                means = part
            elif isinstance(part, DirichletPrior) and weights is None:
                weights = part
            elif isinstance(part, ConjugatePrior) and conjugate is None:
                conjugate = part
            elif isinstance(part, str) and part == "conjugate" and conjugate is None:
                conjugate = ConjugatePrior()
            else:
                raise ParameterError(
                    f"prior={prior!r}: expected at most one NormalPrior (on means), one "
                    f"DirichletPrior (on weights) and one ConjugatePrior (on means and "
                    f"covariances; 'conjugate' for short)"
                )
        if means is not None and conjugate is not None:
            raise ParameterError("both NormalPrior and ConjugatePrior are priors on the means; "
                                 "give one of them")
        laid_out = None if means is None else NormalMeans.of(means, n_features)
        return cls(laid_out, _ones(k) if weights is None else weights.per_component(k), conjugate)

    @property
    def is_flat(self) -> bool:
        return self.means is None and self.conjugate is None and \
            set(self.concentration.tolist()) == {1.0}

    def log_density(
        self, weights: Floats, learned_weights: Mask, means: Floats, learned_means: Mask,
        covariance: Covariances,
    ) -> float:
        """The log prior density of what is learned: weights (k,), means (k, d), covariances;
        that of a conjugate prior without its normalising constant."""
        total = 0.0
        if self.means is not None:
            total += self.means.log_density(means, learned_means)
        if self.imagined is not None:
            total += self.imagined.log_density(means, covariance)
        if (self.concentration != 1).any() and learned_weights.any():
            total += self._log_dirichlet(weights[learned_weights], learned_weights)
        return total

    def informed(
        self, structure: Structure, mean: Floats, covariance: Floats, n_rows: float
    ) -> Prior:
        """The prior once mean (d,) and covariance (d, d) of the data are known."""
        if self.conjugate is None:
            return self
        k = len(self.concentration)
        imagined = self.conjugate.imagined(structure, k, mean, covariance, n_rows)
        return replace(self, imagined=imagined)

    def inward(self, units: Units) -> Prior:
        """The same prior in internal units."""
        if self.means is None and self.imagined is None:
            return self
        return replace(
            self,
            means=None if self.means is None else self.means.inward(units),
            imagined=None if self.imagined is None else self.imagined.inward(units),
        )

    def reordered(self, order: Order) -> Prior:
        return replace(self, concentration=self.concentration[order])

    def _log_dirichlet(self, weights: Floats, learned: Mask) -> float:
        alpha = self.concentration[learned]
        shares = weights / weights.sum()
        normaliser = math.lgamma(alpha.sum()) - sum(map(math.lgamma, alpha))
        # α = 1 contributes 0 even where a share has fallen to 0 and its logarithm to −∞.
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(alpha == 1, 0.0, (alpha - 1) * np.log(shares))
        return float(normaliser + terms.sum())

    def describe(self) -> list[str]:
        """One phrase for each prior, for reports."""
        phrases = []
        if self.means is not None:
            phrases.append(self.means.describe())
        if self.conjugate is not None:
            phrases.append(self.conjugate.describe())
        if (self.concentration != 1).any():
            inside = ", ".join(f"{a:g}" for a in self.concentration)
            phrases.append(f"Φ ~ Dirichlet({inside})")
        return phrases


@cache
def _ones(k: int) -> Floats:
    return frozen(np.ones(k))
