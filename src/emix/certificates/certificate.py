"""Certificate: what no mixture can exceed, and what follows, as a value and in plain words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emix.errors import ParameterError
from emix.moments import moments_of
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.arrays import Floats
    from emix.mixture import Mixture
    from emix.result import Fit


@dataclass(frozen=True, slots=True)
class GlobalProof:
    """Whether a mixture of k components with σ held has the largest log-likelihood of all.

    proven   no mixture of k components with this σ exceeds `loglik` by more than `tolerance`
    upper    none exceeds this, proven or not: the bound when the search ended
    loglik   of the best mixture of k components known, and that `mixture`
    boxes    how many boxes of means were looked at
    seconds  how long that took, and `reason` why it ended, in words
    """

    k: int
    proven: bool
    upper: float
    loglik: float
    mixture: Mixture
    tolerance: float
    boxes: int
    seconds: float
    reason: str

    @property
    def gap(self) -> float:
        """Nats by which a better mixture of k components might exceed the best one known."""
        return max(self.upper - self.loglik, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """The proof as plain data."""
        return {
            "k": self.k, "proven": self.proven, "upper": self.upper, "loglik": self.loglik,
            "gap": self.gap, "tolerance": self.tolerance, "boxes": self.boxes,
            "seconds": self.seconds, "reason": self.reason, "mixture": self.mixture.to_dict(),
        }


@dataclass(frozen=True)
class Certificate:
    """How far a fit of one column is from the best there can be.

    bound         nats: no mixture of normal components, however many, each with a standard
                  deviation of `sd_floor` or more, has a larger log-likelihood on these data
    loglik        of the fit, on the same data
    npmle         the mixture on which the bound rests, all but the best there is: its weights and
                  means are the nonparametric maximum likelihood estimate of the mixing distribution
    duality_gap   nats by which the bound is above the log-likelihood of `npmle`, at most: so much
                  lower a perfect bound could be
    sd_floor      in the units of the data: the fit's σ, or its smallest, unless given
    n             Σ w, the number of rows when there are no weights
    single        the largest log-likelihood of one component with such a standard deviation
    global_proof  whether the fit is the best of its own k with σ held, where that was asked for

    Log-likelihoods are natural logarithms and in the units of the data, as those of `Fit`.
    """

    fit: Fit
    bound: float
    loglik: float
    npmle: Mixture
    duality_gap: float
    sd_floor: float
    n: float
    single: float
    global_proof: GlobalProof | None = None

    @property
    def gap(self) -> float:
        """Nats by which any mixture with such standard deviations could exceed the fit, at most."""
        return self.bound - self.loglik

    def df(self, k: int) -> int:
        """Free parameters of the fit's model with k components.

        Raises `ParameterError` where only some of the means, weights or sds are held: such a model
        says nothing of other k.
        """
        held, structure = self.fit.model.held, self.fit.model.structure
        sds = held.learned_covariances
        equal = bool((held.weights == 1 / self.fit.k).all())
        if (not held.learned_means.all() or (sds.any() and not sds.all())
                or not (held.learned_weights.all() or equal)):
            raise ParameterError("the fit holds parameters of single components, so its model "
                                 "exists for its own number of components alone; compare fits "
                                 "that hold nothing, all sds or weights='equal'")
        free_weights = 0 if equal else k - 1
        return k + free_weights + structure.n_parameters(k if sds.any() else 0, 1)

    def best_bic_possible(self, k: int) -> float:
        """−2 bound + df(k) log n: no fit of this model with k components, all sds at `sd_floor` or
        more, has a BIC below it (of one component, that BIC itself). Raises `ParameterError` as
        `df` does."""
        largest = min(self.single, self.bound) if k == 1 else self.bound
        return -2 * largest + self.df(k) * math.log(self.n)

    def excludes(self, k: int) -> bool:
        """Whether no k components with sds at `sd_floor` or more can have a better BIC than the
        fit. Raises `ParameterError` as `df` does."""
        return self.best_bic_possible(k) >= self.fit.bic

    @property
    def first_excluded(self) -> int | None:
        """The least k of which it and all larger ones are excluded; None where the model says
        nothing of other k, or n is 1 or less, so that parameters cost nothing."""
        if not self.n > 1:
            return None
        try:
            per_component = self.df(2) - self.df(1)
            k = (self.fit.bic + 2 * self.bound) / math.log(self.n) - self.df(1)
        except ParameterError:
            return None
        first = max(math.ceil(k / per_component) + 1, 1)
        # The division rounds; `excludes` decides.
        while not self.excludes(first):
            first += 1
        while first > 1 and self.excludes(first - 1):
            first -= 1
        return first

    def report(self) -> str:
        """What is certain, in plain words."""
        from emix.certificates import certificate_report

        return certificate_report.text(self)

    def to_dict(self) -> dict[str, Any]:
        """The certificate as plain data, the object that `emix certify --json` prints."""
        from emix.certificates import certificate_report

        return certificate_report.plain(self)

    def plot(self, x: object, ax: Axes | None = None, sample_weight: object = None) -> Axes:
        """The gradient function over the data's range; needs the extra `plot`. See
        `plots.plot_certificate`."""
        from emix.plots import plot_certificate
        from emix.sources.opening import rows_like

        return plot_certificate(self, rows_like(x, self.fit.columns), ax=ax,
                                sample_weight=sample_weight)

    def gradients(
        self, x: object, at: Floats, sample_weight: object = None
    ) -> tuple[Floats, Floats]:
        """D(u) = Σ (w/W) N(x | u, sd_floor²) / g(x) at places u (m,): with g the density of
        the fit, and with g that of the mixture the bound rests on.

        Raises `DataError` for unusable x."""""
        from emix.certificates.ceiling import gradient_function

        source = ArraySource.of(x, sample_weight)
        moments = moments_of(source)
        of_fit, of_best = (
            gradient_function(source, moments, mixture, self.sd_floor, at, 1)
            for mixture in (self.fit.mixture, self.npmle)
        )
        return of_fit, of_best

    def _repr_html_(self) -> str:
        from emix import reporting

        return reporting.of_certificate(self)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return (f"<Certificate bound={self.bound:.6f} gap={self.gap:.6f} "
                f"duality_gap={self.duality_gap:.1e}>")
