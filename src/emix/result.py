"""Fit: what a fit found, as a value that says how far it can be trusted."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emix import report
from emix.assigned import Assigned
from emix.climbing.climb import Outcome
from emix.errors import ParameterError
from emix.ground import ground_of
from emix.inference.standard_errors import Deferred
from emix.soundness.coinciding import counted
from emix.sources.opening import rows_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from emix.arrays import Floats
    from emix.certificates.certificate import Certificate
    from emix.comparison import KMeansComparison
    from emix.compression import Compression
    from emix.degeneracy import FloorPath
    from emix.inference.component_tests import ComponentTest
    from emix.inference.goodness import Goodness
    from emix.inference.profile import Profile
    from emix.inference.quantities import Uncertainty
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.optimum import Optimum
    from emix.soundness.degenerate import Degenerate
    from emix.sources.array import ArraySource


@dataclass(frozen=True)
class Fit:
    """The best mixture found for some data, and what was found on the way.

    mixture     in canonical order and in the units of the data
    loglik      Σ w log f(x), natural logarithm, of that mixture on all the data
    objective   loglik plus the log prior density: what EM climbed (equal to loglik, no prior)
    n           Σ w, the number of rows when there are no weights
    df          free parameters
    outcome     how the best climb ended; `converged` for short
    n_iter      steps from the start to the mixture, EM's and Newton's, those on the points of a
                compressed column among them
    trace       (n_iter + 1,) the objective at each of them, in the units of the data
    gradient    largest component of the objective's gradient at the mixture, per row, without
                units: how far from stationary
    optima      the distinct optima, best first; the first is this fit
    degenerate  components of the mixture that should not be trusted, with the reason
    warnings    in plain words, empty when there is nothing to say
    compression  how a long column was condensed to a few points for the climbs, and what that cost;
                 None where there was nothing to condense
    columns     the names of the columns, (d,); "x" or "x1" to "xd" where they had none
    neglect     the share of a row's density that E-steps were allowed to leave out; 0: exact steps
    neglected   nats per row by which the last E-step was short of `loglik`, which is exact; where
                it left something out, so did the trace except at its end
    """

    mixture: Mixture
    model: Model
    loglik: float
    objective: float
    n: float
    outcome: Outcome
    n_iter: int
    trace: Floats
    gradient: float
    optima: tuple[Optimum, ...]
    warnings: tuple[str, ...]
    classification: tuple[float, float]
    columns: tuple[str, ...]
    seed: int
    kernel: str
    compression: Compression | None = None
    neglect: float = 0.0
    neglected: float = 0.0
    # Worked out when first asked for.
    _uncertainty: Uncertainty | Deferred | None = field(default=None, repr=False, compare=False)
    # The rows that came with them, for pictures and pages.
    _rows: ArraySource | None = field(default=None, repr=False, compare=False)

    @property
    def uncertainty(self) -> Uncertainty | None:
        """Standard errors and 95% intervals by the observed information, an `Uncertainty`; None
        where the data is so much that they are worth a call of `emix.uncertainty`."""
        if isinstance(self._uncertainty, Deferred):
            object.__setattr__(self, "_rows", self._uncertainty.source)
            object.__setattr__(self, "_uncertainty", self._uncertainty.asked())
        assert not isinstance(self._uncertainty, Deferred)
        return self._uncertainty

    def __getstate__(self) -> dict[str, Any]:
        # What is stored or copied has the standard errors, not the rows they are made of.
        return {**self.__dict__, "_uncertainty": self.uncertainty, "_rows": None}

    def _rows_of(self, x: object, sample_weight: object = None) -> ArraySource | None:
        """The rows given; else those that a fit of little data keeps, else None."""
        if x is not None:
            return ground_of(x, self, sample_weight).source
        kept = self._uncertainty
        return kept.source if isinstance(kept, Deferred) else self._rows

    @property
    def name(self) -> str:
        """The names of the columns, for titles."""
        return ", ".join(self.columns)

    @property
    def k(self) -> int:
        """The number of components."""
        return self.mixture.n_components

    @property
    def covariance(self) -> str:
        """The covariance structure's name."""
        return self.model.structure.name

    @property
    def converged(self) -> bool:
        return self.outcome is Outcome.CONVERGED

    @property
    def degenerate(self) -> tuple[Degenerate, ...]:
        return self.optima[0].degenerate

    @property
    def effective_k(self) -> int:
        """How many components there really are: those that coincide count once, those that expect
        less than a thousandth of a point not at all."""
        return counted(self.mixture, self.n).effective

    @property
    def df(self) -> int:
        return self.model.n_parameters

    @property
    def aic(self) -> float:
        """−2 loglik + 2 df; smaller is better (Akaike 1974, doi:10.1109/TAC.1974.1100705)."""
        return -2 * self.loglik + 2 * self.df

    @property
    def bic(self) -> float:
        """−2 loglik + df log n; smaller is better (Schwarz 1978, doi:10.1214/aos/1176344136).

        mclust prints the negative of this.
        """
        return -2 * self.loglik + self.df * math.log(self.n)

    @property
    def icl(self) -> float:
        """BIC − 2 Σ w log max_k r_ik; smaller is better: BIC, and a charge for every point whose
        component is unsure (Biernacki, Celeux & Govaert 2000, doi:10.1109/34.865189)."""
        return self.bic - 2 * self.classification[0]

    @property
    def classification_entropy(self) -> float:
        """−Σ w Σ_k r log r in nats: 0 when every point surely belongs somewhere."""
        return -self.classification[1]

    def responsibilities(self, x: object) -> Any:
        """P(component k | x), (n, k); see `Mixture.responsibilities`.

        For a data frame, a frame of the same kind with columns component_1 to component_k; the
        columns of x are chosen by name. Of what is Dask's, lazily.
        """
        return Assigned(self.mixture, self.columns).responsibilities(x)

    def predict(self, x: object) -> Any:
        """The most probable component of each row, (n,), counted from 0.

        For a data frame, a Series of the same kind; the columns of x are chosen by name. Of what
        is Dask's, lazily.
        """
        return Assigned(self.mixture, self.columns).predict(x)

    def compare_kmeans(self, x: object) -> KMeansComparison:
        """The hard assignment of K-Means beside the responsibilities; see `KMeansComparison`."""
        from emix.comparison import compare_kmeans

        return compare_kmeans(self.mixture, x)

    def goodness(
        self, x: object, bins: int | None = None, sample_weight: object = None
    ) -> Goodness:
        """Whether the data x looks like the mixture: probability integral transforms, χ² of them
        in `bins` bins of equal probability, and pictures.

        In several columns each column is transformed given those before it. Raises `DataError`
        where x is not the data of the fit.

        >>> import emix
        >>> waiting = emix.datasets.load("faithful")["waiting"]
        >>> good = emix.fit(waiting, 2, covariance="E").goodness(waiting)
        >>> good.bins, good.pit.shape
        (19, (272, 1))
        """
        from emix.inference.goodness import goodness

        return goodness(x, self, bins, sample_weight)

    def profile(
        self, x: object, parameter: str, level: float = 0.95, sample_weight: object = None
    ) -> Profile:
        """The profile-likelihood interval of one parameter, by its name in `Uncertainty.table`:
        a weight ("weight 1"), a mean ("mean 2", in several columns "mean 2 waiting"), a standard
        deviation ("sd 1", "sd 1 waiting") or a covariance ("covariance 1 eruptions × waiting");
        also a correlation ("correlation 1 eruptions × waiting").

        Raises `DataError` where x is not the data of the fit, `ParameterError` for what is no
        parameter, or one that is held or 0 in the structure, `NumericalError` where the likelihood
        has no maximum with the parameter at some value.

        >>> import emix
        >>> waiting = emix.datasets.load("faithful")["waiting"]
        >>> print(emix.fit(waiting, 2, covariance="E").profile(waiting, "mean 1"))
        mean 1: 54.6136, 95% profile interval 53.3326 to 55.8812
        """
        from emix.inference.profile import profile

        return profile(x, self, parameter, level, sample_weight)

    def floor_path(
        self, x: object, floors: object = None, sample_weight: object = None,
        threads: int | None = None,
    ) -> FloorPath:
        """What the fit owes to the floor under its spreads: the best found above each of `floors`,
        shares of the data's standard deviation (1/2, 1/4, … 2⁻¹⁶), and in words whether the
        optimum depends on them.

        Where each component has a spread of its own the likelihood has no maximum: a component on
        one point, or on ties, is higher the narrower it may be. Each floor's climbs begin at the
        best of the floor before, at the fit and its other optima, and at spikes.

        Raises `DataError` where x is not the data of the fit, `ParameterError` for what is no
        floor, or where all spreads are held.

        >>> import emix
        >>> waiting = emix.datasets.load("faithful")["waiting"]
        >>> path = emix.fit(waiting, 2).floor_path(waiting, [0.3, 0.1, 0.01, 0.001])
        >>> path.stable
        (0.001, 0.3)
        """
        from emix.degeneracy import floor_path

        return floor_path(x, self, floors, sample_weight, threads)

    def em_test(self, x: object, sample_weight: object = None) -> ComponentTest:
        """The EM-test of this fit of one component in one column against two: Chen & Li 2009,
        doi:10.1214/08-AOS651. Quick, where `emix.bootstrap_lrt` draws and refits.

        >>> import emix
        >>> waiting = emix.datasets.load("faithful")["waiting"]
        >>> emix.fit(waiting, 1).em_test(waiting).p_value < 1e-9
        True
        """
        from emix.inference.em_test import em_test

        return em_test(x, self, sample_weight)

    def report(
        self, path: str | os.PathLike[str] | None = None, *, x: object = None,
        sample_weight: object = None, certificate: Certificate | None = None,
        command: Sequence[str] | None = None,
    ) -> str:
        """The fit in words and tables, for people; with the data x, K-Means beside it as well.

        With `path`, a page of HTML is written there, whole or not at all, which holds all it
        needs, pictures too (it needs the extra `plot`), and the path is returned. A fit of little
        data keeps it for the pictures; of much it has to be given. A `certificate` of the fit
        becomes a part of the page, and so does the `command` that was typed to make it.

        Raises `ParameterError` for a path that does not end in .html, `DataError` where x is not
        the data of the fit, `WriteError` where the page cannot be written.

        >>> import emix, pathlib, tempfile
        >>> waiting = emix.datasets.load("faithful")["waiting"]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = emix.fit(waiting, 2).report(f"{folder}/waiting.html")
        ...     page = pathlib.Path(path).read_text("utf-8")
        >>> page[:15], page.count("<svg") > 3, "http://" in page
        ('<!DOCTYPE html>', True, False)
        """
        if path is not None:
            from emix import reporting

            if not isinstance(path, str | os.PathLike):
                raise ParameterError(f"path is a {type(path).__name__}; expected the name of a "
                                     f"page, such as 'report.html'; the data goes in x=")
            return reporting.write(path, self, self._rows_of(x, sample_weight), certificate,
                                   command)
        text = report.text(self)
        return text if x is None else f"{text}\n\n{self.compare_kmeans(x).report()}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mixture as a model file, with what the fit says of it; see `Mixture.save`."""
        about = self.to_dict()
        for other in ("mixture", "optima", "k", "uncertainty"):
            del about[other]
        self.mixture.save(path, **about)

    def to_dict(self) -> dict[str, Any]:
        """The fit as plain data, the object that `emix fit --json` prints."""
        return report.plain(self)

    def plot(
        self, x: object = None, ax: Axes | None = None, sample_weight: object = None
    ) -> Axes:
        """Data and components in one picture; needs the extra `plot`.

        One column: histogram and densities. Two: points and ellipses. More: every pair of columns.
        x may be other rows than those of the fit; without it they are those, which a fit of little
        data keeps, with their weights. Raises `ParameterError` where it does not.
        """
        from emix import plots

        kept = None if x is not None else self._rows_of(None)
        if x is None and kept is None:
            raise ParameterError("a fit does not keep so many rows, nor does one that was stored; "
                                 "give the data: fit.plot(x)")
        rows = rows_like(x, self.columns) if kept is None else kept.points
        weight = sample_weight if kept is None else kept.sample_weight
        if self.mixture.n_features == 1:
            return plots.plot_density(self.mixture, rows, ax=ax, name=self.name,
                                      sample_weight=weight)
        if self.mixture.n_features == 2:
            return plots.plot_ellipses(self.mixture, rows, ax=ax, names=self.columns,
                                       sample_weight=weight)
        return plots.plot_pairs(self.mixture, rows, ax=ax, names=self.columns,
                                sample_weight=weight)

    def _repr_html_(self) -> str:
        from emix import reporting

        return reporting.of_fit(self)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return (f"<Fit k={self.k} {self.covariance} loglik={self.loglik:.6f} "
                f"bic={self.bic:.3f} {self.outcome.value}>")
