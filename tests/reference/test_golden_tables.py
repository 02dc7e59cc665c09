"""Fits of several columns from nothing, default settings, against the best that mclust, mixtools
and random starts found: never below where that is sound, and where the optimum is the same, the
same parameters."""

import warnings
from functools import cache

import numpy as np
import pytest
from golden import case, cases, data

import emix
from emix.kernels import NATIVE

B, H, I, P = (cases(section, several=True)  # noqa: E741
              for section in ("b_", "h_equalpro", "i_", "h_prior"))
E = cases("e_mvnormal", several=True)
ONE = cases("h_prior")
native = pytest.mark.skipif(NATIVE is None, reason="native kernel not built: minutes without it")


@cache
def fitted(name: str) -> tuple[dict, np.ndarray, emix.Fit]:
    golden = case(name)
    kwargs: dict = {"covariance": {"free": "VVV"}.get(golden["model"], golden["model"])}
    if name.startswith("h_equalpro"):
        kwargs["weights"] = "equal"
    if name.startswith("h_prior"):
        given = golden["prior_hyperparameters"]
        kwargs["prior"] = emix.ConjugatePrior(**given)
    if "obs_weights" in golden:
        kwargs["sample_weight"] = golden["obs_weights"]
    x = data(golden)
    with warnings.catch_warnings():
        # A degenerate optimum warns; the fit says so and the tests look at that.
        warnings.simplefilter("ignore", UserWarning)
        return golden, x, emix.fit(x, golden["K"], **kwargs)


def reference(golden: dict) -> dict:
    """What the software found, or where that is no optimum, an independent fit from there."""
    return golden.get("independent_refit") or golden


def mark(golden: dict) -> float:
    """The highest log-likelihood that a case knows of, of a sound optimum: each component with at
    least 2 (d + 1) expected points."""
    counts = golden["n"] * np.array(reference(golden).get("weights", [0.0]))
    least = 2 * (golden["d"] + 1)
    found = [reference(golden)["loglik"]] if counts.min() >= least else []
    admissible = (golden.get("multistart") or {}).get("best_loglik_admissible")
    return max([*found, *([admissible] if admissible is not None else [])], default=-np.inf)


@native
@pytest.mark.parametrize("name", B + E + H + I)
def test_never_below_the_reference(name: str) -> None:
    golden, x, fit = fitted(name)
    best = mark(golden)
    assert fit.loglik >= best - 1e-6
    assert not fit.degenerate or not np.isfinite(best)
    same_where_the_same(golden, x, fit)


def same_where_the_same(golden: dict, x: np.ndarray, fit: emix.Fit) -> None:
    found = reference(golden)
    if golden["status"] != "ok" or abs(fit.loglik - found["loglik"]) > 1e-6:
        return
    order, sd = matched(fit, found), x.std(axis=0)
    np.testing.assert_allclose(fit.mixture.weights[order], found["weights"], atol=1e-4)
    np.testing.assert_allclose(fit.mixture.means[order] / sd, np.array(found["means"]) / sd,
                               atol=1e-3)


def matched(fit: emix.Fit, found: dict) -> list[int]:
    """Our component for each of theirs: the nearest mean that is left."""
    means = np.array(found["means"], dtype=float).reshape(fit.k, -1)
    left, order = list(range(fit.k)), []
    for mean in means:
        near = min(left, key=lambda j: float(np.abs(fit.mixture.means[j] - mean).sum()))
        order.append(near)
        left.remove(near)
    return order


@pytest.mark.parametrize("name", [n for n in B if case(n)["status"] == "ok"])
def test_free_parameters_are_counted_as_mclust_does(name: str) -> None:
    golden = case(name)
    model = emix.fitting.Model.parse(golden["K"], golden["d"], golden["model"])
    assert model.n_parameters == golden["df"]


@native
@pytest.mark.parametrize("name", [n for n in P + ONE if case(n)["status"] == "ok"])
def test_with_a_conjugate_prior(name: str) -> None:
    """The log-posterior is at least that of mclust's parameters; where it is no higher, they are
    the same."""
    golden, x, fit = fitted(name)
    found = reference(golden)
    d = golden["d"]
    spread = found.get("covariances")
    spread = np.reshape(found["variances"], (-1, 1, 1)) if spread is None else np.array(spread)
    means = np.reshape(found["means"], (golden["K"], d))
    theirs = emix.Mixture(np.array(found["weights"]) / np.sum(found["weights"]), means, spread)
    weight = np.ones(len(x)) if "obs_weights" not in golden else golden["obs_weights"]
    objective = float(weight @ theirs.logpdf(x)) + fit.model.log_prior(theirs)
    assert fit.objective >= objective - 1e-6
    if fit.objective > objective + 1e-6:
        return
    order = matched(fit, found)
    np.testing.assert_allclose(fit.mixture.weights[order], theirs.weights, atol=1e-4)
    assert fit.loglik == pytest.approx(found["loglik"], abs=1e-3)


def test_the_cases_are_all_here() -> None:
    assert (len(B), len(E), len(H), len(I), len(P), len(ONE)) == (235, 2, 7, 8, 40, 19)
