"""scikit-learn's own estimator checks: all of them, none expected to fail."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import sklearn
from sklearn.utils.estimator_checks import estimator_checks_generator

import emix

TYPES = ("full", "tied", "diag", "spherical", "VVE")
CHECKS = {
    kind: list(estimator_checks_generator(emix.GaussianMixture(covariance_type=kind)))
    for kind in TYPES
}


def name_of(check) -> str:
    return getattr(check, "func", check).__name__


@pytest.mark.parametrize(("mixture", "check"), [
    pytest.param(*pair, id=f"{kind}-{name_of(pair[1])}")
    for kind, pairs in CHECKS.items() for pair in pairs
])
def test_scikit_learns_check(mixture, check):
    check(mixture)


@pytest.mark.parametrize("kind", TYPES)
def test_no_check_has_vanished(kind):
    """Fewer would mean that scikit-learn no longer takes the class for what it is."""
    names = {name_of(check) for _, check in CHECKS[kind]}
    recent = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
    assert len(CHECKS[kind]) >= (54 if recent else 45)
    # One of each sort: the estimator's own, those of weights, those of a transformer.
    assert {"check_estimators_nan_inf", "check_sample_weight_equivalence_on_dense_data",
            "check_transformer_general", "check_fit2d_1feature", "check_fit_idempotent",
            "check_estimators_pickle", "check_n_features_in_after_fitting"} <= names


def test_the_check_that_asks_for_the_array_api():
    """It skips itself unless SciPy was imported with this variable set."""
    pytest.importorskip("sklearn", "1.9")
    script = f"""
import emix
from sklearn.utils.estimator_checks import check_array_api_input
for kind in {TYPES}:
    check_array_api_input("GaussianMixture", emix.GaussianMixture(covariance_type=kind),
                          array_namespace="numpy", expect_only_array_outputs=False)
    print(kind)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          env={**os.environ, "SCIPY_ARRAY_API": "1"})
    assert done.stdout.split() == list(TYPES), done.stderr
