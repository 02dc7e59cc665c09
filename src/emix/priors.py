"""Priors on what is learned. With a prior, EM climbs the log-posterior and the report says so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from emix.arrays import LOG_2PI, Floats, Mask, as_components
from emix.errors import ParameterError


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """μ_k ~ N(mean, sd²), independently for each learned mean, in the units of the data.

    >>> NormalPrior(mean=0.0, sd=5.0)
    NormalPrior(mean=0.0, sd=5.0)
    """

    mean: float = 0.0
    sd: float = 1.0

    def __post_init__(self) -> None:
        numbers = all(isinstance(v, Real) for v in (self.mean, self.sd))
        if not (numbers and math.isfinite(self.mean) and 0 < self.sd < math.inf):
            raise ParameterError(
                f"NormalPrior(mean={self.mean}, sd={self.sd}): the mean must be a finite "
                f"number and the sd a positive one; for no prior, leave it out"
            )

    def log_density(self, means: Floats) -> float:
        """Σ log N(μ | mean, sd²) over means (m,)."""
        deviations = (means - self.mean) / self.sd
        log_sd = math.log(self.sd)
        return float(-0.5 * (deviations @ deviations) - len(means) * (log_sd + 0.5 * LOG_2PI))


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
    """What is assumed of means and weights together; either may be absent.

    concentration (k,) is all ones where there is no prior on weights.
    """

    means: NormalPrior | None
    concentration: Floats

    @classmethod
    def parse(cls, prior: object, k: int) -> Prior:
        """From None, one prior, or a list of them. Raises `ParameterError` otherwise."""
        parts = prior if isinstance(prior, list | tuple) else [] if prior is None else [prior]
        means: NormalPrior | None = None
        weights: DirichletPrior | None = None
        for part in parts:
            if isinstance(part, NormalPrior) and means is None:
                means = part
            elif isinstance(part, DirichletPrior) and weights is None:
                weights = part
            else:
                raise ParameterError(
                    f"prior={prior!r}: expected at most one NormalPrior (on means) and one "
                    f"DirichletPrior (on weights)"
                )
        return cls(means, np.ones(k) if weights is None else weights.per_component(k))

    @property
    def is_flat(self) -> bool:
        return self.means is None and set(self.concentration.tolist()) == {1.0}

    def log_density(
        self, weights: Floats, learned_weights: Mask, means: Floats, learned_means: Mask
    ) -> float:
        """The log prior density of what is learned: weights (k,), means (k, 1)."""
        total = 0.0
        if self.means is not None:
            total += self.means.log_density(means[learned_means])
        if (self.concentration != 1).any() and learned_weights.any():
            total += self._log_dirichlet(weights[learned_weights], learned_weights)
        return total

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
            phrases.append(f"μ ~ N({self.means.mean:g}, {self.means.sd:g}²)")
        if (self.concentration != 1).any():
            inside = ", ".join(f"{a:g}" for a in self.concentration)
            phrases.append(f"Φ ~ Dirichlet({inside})")
        return phrases
