"""GaussianMixture: scikit-learn's class of that name, fitted by emix."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from emix.arrays import as_sample_weight, is_whole
from emix.engines import dask
from emix.errors import DataError, DegenerateWarning, ParameterError
from emix.estimator.backend import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ConvergenceWarning,
    DensityMixin,
    TransformerMixin,
    check_is_fitted,
    validate_data,
)
from emix.estimator.learning import given_start, learn
from emix.estimator.partially import begun, mixture_so_far
from emix.estimator.settings import Settings, generator_of
from emix.estimator.shapes import mixture_of, parameters_of
from emix.model import Model
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels, Points
    from emix.estimator.learning import Learned
    from emix.mixture import Mixture
    from emix.online import Schedule
    from emix.result import Fit

_DTYPES = [np.float64, np.float32]


class GaussianMixture(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, DensityMixin, BaseEstimator,  # type: ignore[misc]
):
    """A Gaussian mixture with the interface of `sklearn.mixture.GaussianMixture`.

    Whoever changes only the import keeps working; what differs, and why, is in
    docs/scikit-learn.md. Needs the extra `sklearn`.

    Parameters
    ----------
    n_components : k, the number of components
    covariance_type : "full", "tied", "diag", "spherical", or one of mclust's fourteen names
        ("VVE"; see `emix.fit`)
    tol : the gradient of the log-likelihood per row, without units, that counts as 0; None: 1e-10
    reg_covar : variance added to the diagonal of every covariance once fitted, or, where there is
        no sound optimum without it, within EM. None adds none. Columns that are constant, or that
        can be computed from others, are set aside for the fit and put back with that variance
        of their own (None: a millionth of what they have); 0: they are an error that names them
    max_iter : EM steps at most; None: 20000
    n_init : how many starts, of which the best is followed; None: emix's own search
    init_params : "kmeans", "k-means++", "random" (responsibilities), "random_from_data",
        "quantiles" or "hierarchical"; None: kinds of all sorts
    weights_init, means_init, precisions_init : where EM begins: (k,), (k, d), and the shape of
        covariances_. With any of them there is one start, and components keep its order
    random_state : an integer, a RandomState or a Generator; None: the same fit each time
    warm_start : begin where the last fit ended, if it has the same shape
    verbose, verbose_interval : with 1, a line every so many steps where a fit takes long; with
        2, the report of the fit as well
    schedule : of `partial_fit`, a rate for each batch, one of `emix.online`'s `Decay`, `Constant`
        and `Memory`; None: Decay()

    Attributes
    ----------
    weights_ (k,), means_ (k, d) : in the order of means, or of the start that was given
    covariances_, precisions_, precisions_cholesky_ : (k, d, d); "tied" (d, d), "diag" (k, d),
        "spherical" (k,); Σ⁻¹ = U Uᵀ with U = precisions_cholesky_ upper triangular
    converged_, n_iter_ : whether the gradient is small, and the EM steps of the best climb (1 at
        least)
    lower_bound_ : mean log-likelihood of the rows under the mixture that is returned
    lower_bounds_ : the same after each of the n_iter_ steps
    fit_ : the `emix.Fit`: optima, degenerate components, criteria, the report; of the columns
        that are not set aside, before reg_covar; not after `partial_fit`
    online_ : after `partial_fit` the `emix.online.OnlineFit`
    n_features_in_, feature_names_in_ : the columns seen

    >>> import numpy as np
    >>> X = np.array([[1, 2], [1, 4], [2, 0], [10, 2], [10, 4], [9, 0]])
    >>> mixture = emix.GaussianMixture(n_components=2, covariance_type="tied").fit(X)
    >>> mixture.means_.round(2).tolist(), mixture.predict([[0, 0], [12, 3]]).tolist()
    ([[1.33, 2.0], [9.67, 2.0]], [0, 1])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float | None = None,
        reg_covar: float | None = None,
        max_iter: int | None = None,
        n_init: int | None = None,
        init_params: str | None = None,
        weights_init: object = None,
        means_init: object = None,
        precisions_init: object = None,
        random_state: object = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        schedule: Schedule | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.schedule = schedule

    def fit(self, X: Any, y: object = None, sample_weight: object = None) -> Self:
        """Fit the mixture to rows X (n, d); y is ignored.

        `sample_weight` (n,) counts as repetition. Warns scikit-learn's `ConvergenceWarning` and
        emix's `DegenerateWarning`. Raises ValueErrors: `ParameterError` for a parameter,
        `DataError` or scikit-learn's own for data that cannot be used.
        """
        self._learn(X, sample_weight)
        return self

    def fit_predict(self, X: Any, y: object = None, sample_weight: object = None) -> Labels:
        """Fit, and the most probable component of each row, (n,): as `fit(X).predict(X)`."""
        x = self._learn(X, sample_weight)
        return self.mixture_.predict(x)

    def partial_fit(self, X: Any, y: object = None, sample_weight: object = None) -> Self:
        """Learn one batch of a stream, rows X (n, d), by stepwise EM; see `emix.online.OnlineFit`.

        After `fit` it goes on from there, as if from the rows of that fit. The first rows are
        gathered for a search; until then the mixture is the fit of those so far, and with fewer
        rows than it takes there is none. Components keep the order that they begin in.
        converged_ is then False, n_iter_ counts batches, lower_bound_ is the mean log-likelihood
        of late. Of the parameters tol, max_iter, n_init, init_params, warm_start and verbose
        matter to `fit` alone. Raises as `fit` does.
        """
        settings = Settings.of(self)
        # A fit that failed has seen columns as well.
        goes_on = hasattr(self, "online_") or hasattr(self, "weights_")
        x = self._rows(X, reset=not goes_on, least=1)
        names = tuple(getattr(self, "feature_names_in_", ()))
        source = ArraySource.of(x, sample_weight, names)
        if not hasattr(self, "online_"):
            self.online_ = begun(self, source, settings)
            self.__dict__.pop("fit_", None)
            self.n_iter_ = 0
        self.online_.update(source)
        self.n_iter_ += 1
        mixture = mixture_so_far(self.online_, settings)
        if mixture is not None:
            self.converged_ = False
            late = self.online_.recent_loglik
            self.lower_bound_ = float(mixture.logpdf(x).mean()) if late is None else late
            self.lower_bounds_ = [self.lower_bound_]
            self._show(mixture)
        return self

    def _learn(self, X: Any, sample_weight: object) -> Points:
        """Fit and set all attributes; the rows as they were checked."""
        settings = Settings.of(self)
        before = self.mixture_ if self.warm_start and hasattr(self, "weights_") else None
        x = self._rows(X, reset=True)
        if len(x) < settings.k:
            raise DataError(f"n_samples={len(x)} rows; expected n_components={settings.k} at least")
        names = tuple(getattr(self, "feature_names_in_", ()))
        source = ArraySource.of(x, sample_weight, names)
        if source.sample_weight is not None and not source.sample_weight.any():
            raise DataError("every sample weight is zero; at least one row must count")
        start = given_start(self, source, settings)
        if before is not None and before.means.shape == (settings.k, x.shape[1]):
            start = before
        self._set(learn(source, settings, start))
        self._warn(self.fit_)
        return x

    def _set(self, learned: Learned) -> None:
        fit = self.fit_ = learned.fit
        self.converged_ = fit.converged
        # Where the start is the maximum, as with k = 1, scikit-learn counts a step all the same.
        self.n_iter_ = max(fit.n_iter, 1)
        self.lower_bound_ = learned.lower_bound
        self.lower_bounds_ = learned.lower_bounds[-self.n_iter_ :].tolist()
        self.__dict__.pop("online_", None)
        self._show(learned.mixture)

    def _show(self, mixture: Mixture) -> None:
        """The attributes of a mixture."""
        shown = parameters_of(mixture, self.covariance_type)
        self._learned = mixture, shown
        for name, values in shown.items():
            setattr(self, name, values.copy())

    def _warn(self, fit: Fit) -> None:
        if self.verbose:
            print(fit if self.verbose > 1 else repr(fit))
        degenerate = "; ".join(w for w in fit.warnings if "degenerate" in w)
        if degenerate:
            warnings.warn(f"{degenerate}; try fewer components, covariance_type='tied' or a "
                          f"reg_covar above 0", DegenerateWarning, stacklevel=4)
        # As in scikit-learn, whoever asks for no steps wants the start.
        if not fit.converged and self.max_iter != 0:
            warnings.warn(f"{fit.warnings[0]}", ConvergenceWarning, stacklevel=4)

    @property
    def mixture_(self) -> Mixture:
        """The `emix.Mixture` that the attributes describe, in their order.

        That of the fit, to the bit, unless weights_, means_ and covariances_ or
        precisions_cholesky_ were set by hand.
        """
        check_is_fitted(self, ["weights_", "means_"])
        spreads = ("precisions_cholesky_", "covariances_")
        if hasattr(self, "_learned"):
            mixture, shown = self._learned
            changed = [name for name in (*spreads, "weights_", "means_")
                       if not np.array_equal(getattr(self, name), shown[name])]
            if not changed:
                return mixture
            spread = changed[0] if changed[0] in spreads else spreads[0]
        else:
            # scikit-learn scores by the former.
            spread = next((name for name in spreads if hasattr(self, name)), spreads[1])
        return mixture_of(self.weights_, self.means_, spread, getattr(self, spread),
                          self.covariance_type)

    def _rows(self, X: Any, reset: bool = False, least: int | None = None) -> Points:
        """Rows (n, d) as floats, columns checked against those of the fit.

        Raises `DataError` for what is not finite, with row and column.
        """
        if not reset and dask.is_collection(X):
            names = getattr(self, "feature_names_in_", None)
            lazy: Points = X if names is None else dask.by_name(X, names)
            return lazy
        x: Points = validate_data(
            self, X, reset=reset, dtype=_DTYPES, ensure_all_finite=False,
            ensure_min_samples=least or (2 if reset else 1),
        )
        if not np.isfinite(x).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(x))[0])
            what = "NaN" if np.isnan(x[row, column]) else "inf"
            names = getattr(self, "feature_names_in_", None)
            place = column if names is None else f"{names[column]!r}"
            raise DataError(f"X holds {what} at row {row}, column {place}; expected finite "
                            f"numbers: leave such rows out, or impute them first")
        return x

    def predict(self, X: Any) -> Labels:
        """The most probable component of each row, (n,), counted from 0; lazily of an array or
        frame of Dask's, and so are `predict_proba` and `score_samples`."""
        check_is_fitted(self)
        return self.mixture_.predict(self._rows(X))

    def predict_proba(self, X: Any) -> Floats:
        """P(component | row), (n, k); every row sums to 1."""
        check_is_fitted(self)
        return self.mixture_.responsibilities(self._rows(X))

    def transform(self, X: Any) -> Floats:
        """`predict_proba`, as features: with `set_output` a data frame of k columns.

        scikit-learn's mixture has no such method.
        """
        return self.predict_proba(X)

    def score_samples(self, X: Any) -> Floats:
        """log f(x) of each row, (n,), natural logarithm."""
        check_is_fitted(self)
        return self.mixture_.logpdf(self._rows(X))

    def score(self, X: Any, y: object = None, sample_weight: object = None) -> float:
        """The mean of log f(x) over rows, weighted by `sample_weight` (n,) if given."""
        densities = self.score_samples(X)
        if sample_weight is None:
            return float(densities.mean())
        return float(np.average(densities, weights=as_sample_weight(sample_weight, len(densities))))

    def bic(self, X: Any) -> float:
        """−2 Σ log f(x) + p log n on rows X, p the free parameters; smaller is better."""
        densities = self.score_samples(X)
        return -2 * float(densities.sum()) + self._n_parameters() * math.log(len(densities))

    def aic(self, X: Any) -> float:
        """−2 Σ log f(x) + 2 p on rows X; smaller is better."""
        return -2 * float(self.score_samples(X).sum()) + 2 * self._n_parameters()

    def _n_parameters(self) -> int:
        k, d = self.mixture_.means.shape
        return Model.parse(k, d, self.covariance_type).n_parameters

    @property
    def _n_features_out(self) -> int:
        return len(self.weights_)

    def sample(self, n_samples: int = 1) -> tuple[Floats, Labels]:
        """Rows (n_samples, d) drawn from the mixture, and the components (n_samples,) they are
        from.

        With an integer `random_state` the same each time; otherwise each call draws on. Raises
        `ParameterError` when n_samples is no number of rows, 1 or more.
        """
        check_is_fitted(self)
        if not is_whole(n_samples, 1):
            raise ParameterError(f"n_samples={n_samples!r}; expected a whole number, 1 or more")
        mixture = self.mixture_
        x, labels = mixture.sample(int(n_samples), generator_of(self.random_state))
        return x.reshape(n_samples, mixture.n_features), labels
