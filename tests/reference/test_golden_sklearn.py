"""GaussianMixture against scikit-learn 1.9.1 at tolerance 1e-15 and reg_covar 0."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
from golden import case, cases, data
from sklearn import datasets

import emix

G = sorted(cases("g_") + cases("g_", several=True))
DONE = [name for name in G if case(name)["status"] == "ok"]
FAILED = [name for name in G if case(name)["status"] == "failed"]
# The tables that scikit-learn brings, to the bit.
BUNDLED = {
    "data/wine_sklearn.csv": datasets.load_wine,
    "data/breast_cancer_sklearn.csv": datasets.load_breast_cancer,
    "data/digits_sklearn.csv": datasets.load_digits,
}


@cache
def read(name: str) -> tuple[dict, np.ndarray]:
    golden = case(name)
    if golden["dataset"] in BUNDLED:
        return golden, BUNDLED[golden["dataset"]]().data
    x = data(golden)
    return golden, x.reshape(len(x), -1)


def started(golden: dict) -> emix.GaussianMixture:
    start = golden["start"]
    return emix.GaussianMixture(
        golden["K"], covariance_type=golden["model"], weights_init=start["weights"],
        means_init=start["means"], precisions_init=start["precisions_init"],
    )


@pytest.mark.parametrize("name", DONE)
def test_from_the_same_start_to_the_same_optimum(name: str) -> None:
    golden, x = read(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", emix.DegenerateWarning)
        mixture = started(golden).fit(x)
    loglik = mixture.score(x) * len(x)
    assert loglik >= golden["loglik"] - 1e-6
    assert mixture.converged_
    assert mixture.lower_bound_ * len(x) == pytest.approx(loglik, rel=1e-12)
    if loglik > golden["loglik"] + 1e-6:
        return
    sds = x.std(axis=0)
    np.testing.assert_allclose(mixture.weights_, golden["weights"], atol=1e-5)
    np.testing.assert_allclose(mixture.means_ / sds, golden["means"] / sds, atol=1e-5)
    np.testing.assert_allclose(
        mixture.mixture_.covariances / np.multiply.outer(sds, sds),
        np.array(golden["covariances"]).reshape(-1, len(sds), len(sds))
        / np.multiply.outer(sds, sds), atol=1e-5,
    )
    assert mixture.aic(x) == pytest.approx(golden["aic"], abs=1e-4)
    assert mixture.bic(x) == pytest.approx(golden["bic_sklearn"], abs=1e-4)


@pytest.mark.parametrize("name", DONE)
def test_from_nothing_never_below(name: str) -> None:
    golden, x = read(name)
    mixture = emix.GaussianMixture(golden["K"], covariance_type=golden["model"]).fit(x)
    assert mixture.score(x) * len(x) >= golden["loglik"] - 1e-6


@pytest.mark.parametrize("name", FAILED)
def test_where_scikit_learn_fails_the_error_names_the_columns(name: str) -> None:
    golden, x = read(name)
    for mixture in (started(golden), emix.GaussianMixture(golden["K"])):
        mixture.set_params(covariance_type=golden["model"], reg_covar=0)
        with pytest.raises(emix.DataError, match=r"x1 \(0\), x33 \(0\), x40 \(0\) are constant"):
            mixture.fit(x)


def test_the_cases_are_all_here() -> None:
    assert (len(DONE), len(FAILED)) == (39, 2)
