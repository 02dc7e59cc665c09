"""The one place that imports scikit-learn, when `emix.GaussianMixture` is first asked for."""

from __future__ import annotations

from emix.errors import MissingExtraError

try:
    from sklearn.base import (
        BaseEstimator,
        ClassNamePrefixFeaturesOutMixin,
        DensityMixin,
        TransformerMixin,
    )
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as reason:
    # An older one lacks validate_data.
    raise MissingExtraError("scikit-learn 1.6 or later", "sklearn", "GaussianMixture") from reason

__all__ = [
    "BaseEstimator",
    "ClassNamePrefixFeaturesOutMixin",
    "ConvergenceWarning",
    "DensityMixin",
    "TransformerMixin",
    "check_is_fitted",
    "check_random_state",
    "validate_data",
]
