"""scikit-learn's face of emix: `GaussianMixture`, with no mathematics of its own.

What differs from `sklearn.mixture.GaussianMixture`, and why, is one table in
docs/scikit-learn.md.
"""

from __future__ import annotations

from emix.estimator.gaussian_mixture import GaussianMixture

__all__ = ["GaussianMixture"]
