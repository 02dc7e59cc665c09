"""Choices of structure and k from nothing, default settings, against mclust's Mclust(x).

mclust stops early (its tolerance is 1e-5, relative): its BIC is up to some tenths too large at its
own optimum. Where ours is another optimum, it must have the smaller BIC; and there are few rows in
which ours is the poorer.
"""

import warnings
from functools import cache

import numpy as np
import pytest
from golden import case, cases, data

import emix
from emix.kernels import NATIVE

ONE, SEVERAL = cases("c_"), cases("c_", several=True)
# What mclust's early stop may cost it, in BIC.
EARLY = 0.1

pytestmark = pytest.mark.skipif(NATIVE is None, reason="native kernel not built: minutes without")


@cache
def selected(name: str) -> emix.Selection:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return emix.select(data(case(name)))


@pytest.mark.parametrize("name", ONE + SEVERAL)
def test_the_choice_is_mclusts_or_has_a_smaller_bic(name: str) -> None:
    golden, best = case(name), selected(name).best
    # One component in one column is called X there.
    chosen = (golden["chosen_model"].replace("X", "E"), golden["K"])
    assert best.bic <= golden["bic"] + 1e-6
    assert (best.covariance, best.k) == chosen or best.bic < golden["bic"] - EARLY
    assert best.converged and not best.degenerate


@pytest.mark.parametrize("name", ONE + SEVERAL)
def test_the_choice_has_the_bic_that_its_parameters_give(name: str) -> None:
    x, best = data(case(name)), selected(name).best
    loglik = best.mixture.logpdf(x).sum()
    assert best.loglik == pytest.approx(loglik, rel=1e-11)
    d = 1 if x.ndim == 1 else x.shape[1]
    assert best.df == emix.fit(x, best.k, covariance=best.covariance, n_starts=1).df
    assert best.bic == pytest.approx(-2 * loglik + best.df * np.log(len(x)), rel=1e-11)
    assert best.mixture.n_features == d


@pytest.mark.parametrize("name", ONE + SEVERAL)
def test_few_rows_are_poorer_than_mclusts(name: str) -> None:
    table = case(name)["bic_table"]
    poorer, missing = [], []
    for row in selected(name).table:
        theirs = table["bic_mclust"][row.k - 1][table["model_columns"].index(row.covariance)]
        if theirs is None:
            continue
        if row.failure is not None:
            missing.append((row.covariance, row.k, row.failure))
        elif row.bic > -theirs + EARLY:
            poorer.append((row.covariance, row.k, row.bic + theirs))
    assert len(poorer) <= 3 and max((by for _, _, by in poorer), default=0) < 8, poorer
    # What mclust has there is degenerate: components of a few points each.
    assert len(missing) <= 3 and all(k >= 7 for _, k, _ in missing), missing


@pytest.mark.parametrize("name", ["c_faithful_default", "c_diabetes_default", "c_enzyme_default"])
def test_the_same_choice_has_the_same_parameters(name: str) -> None:
    golden, best = case(name), selected(name).best
    x = np.atleast_2d(data(golden).T).T
    sd, order = x.std(axis=0), np.lexsort(np.atleast_2d(np.array(golden["means"]).T)[::-1])
    means = np.array(golden["means"]).reshape(best.k, -1)[order]
    # As loose as mclust's stop.
    np.testing.assert_allclose(best.mixture.means / sd, means / sd, atol=0.02)
    np.testing.assert_allclose(best.mixture.weights, np.array(golden["weights"])[order], atol=0.02)


def test_old_faithful_by_its_numbers() -> None:
    best = selected("c_faithful_default").best
    assert (best.covariance, best.k, best.df) == ("EEE", 3, 11)
    assert best.loglik == pytest.approx(-1126.3159, abs=1e-3) and best.bic <= 2314.2957


def test_the_cases_are_all_here() -> None:
    assert (len(ONE), len(SEVERAL)) == (8, 5)
