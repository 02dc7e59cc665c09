"""`emix.steps` against EM in 50-digit arithmetic."""

from itertools import islice

import numpy as np
import pytest
from golden import case, cases, data

import emix
from emix.covariance import structure

# Joint maximisation over mean and variance is not our M-step with a prior on means; the
# conditional one is (see docs/architecture.md).
STEPPED = [n for n in cases("d_onestep") if not n.endswith("map_exact")]


def arguments(golden: dict) -> dict:
    variant = golden["variant"]
    found: dict = {"covariance": "E" if variant == "equal_var" else "V"}
    if variant == "weights_fixed":
        found["weights"] = "equal"
    if "sds_fixed_1" in variant:
        found["sds"] = 1.0
    if "map" in variant:
        found["prior"] = emix.NormalPrior(0.0, 5.0)
    return found


@pytest.mark.parametrize("name", STEPPED)
def test_every_number_of_every_step(name: str) -> None:
    golden = case(name)
    x, start = data(golden), golden["start"]
    begun = emix.Mixture.univariate(start["weights"], start["means"], start["sds"])
    steps = list(islice(emix.steps(x, begun, **arguments(golden)), 6))
    checked = 0
    for expected in golden["iterations"]:
        # A variance this small is a component on one point: the exact numbers go on towards 0,
        # ours stop at the floor.
        if min(expected["variances"]) < 1e-12:
            continue
        step = steps[expected["iteration"]]
        mixture = step.mixture
        np.testing.assert_allclose(mixture.weights, expected["weights"], rtol=1e-12)
        np.testing.assert_allclose(mixture.means[:, 0], expected["means"], rtol=1e-12)
        np.testing.assert_allclose(mixture.sds, expected["sds"], rtol=1e-12)
        np.testing.assert_allclose(mixture.sds**2, expected["variances"], rtol=1e-12)
        assert step.loglik == pytest.approx(expected["loglik"], rel=1e-12)
        if "log_posterior" in expected:
            assert step.objective == pytest.approx(expected["log_posterior"], rel=1e-12)
        if "responsibilities" in expected:
            np.testing.assert_allclose(
                mixture.responsibilities(x), expected["responsibilities"], atol=1e-12
            )
        np.testing.assert_allclose(
            step.statistics.weight, expected["soft_counts"], rtol=1e-11
        )
        checked += 1
    assert checked >= 2


def test_the_cases_are_all_here() -> None:
    assert len(STEPPED) == 23


# Several columns


TABLES = cases("d_onestep", several=True)
PRIORS = [n for several in (False, True) for n in cases("h_prior", several)
          if case(n)["status"] == "ok"]


@pytest.mark.parametrize("name", TABLES)
def test_every_number_of_every_step_in_several_columns(name: str) -> None:
    golden = case(name)
    x, start = data(golden), golden["start"]
    begun = emix.Mixture(start["weights"], start["means"], start["covariances"])
    steps = list(islice(emix.steps(x, begun, covariance=golden["model"]), 6))
    for expected in golden["iterations"]:
        step = steps[expected["iteration"]]
        mixture = step.mixture
        for values in ("weights", "means", "covariances"):
            np.testing.assert_allclose(getattr(mixture, values), expected[values], rtol=1e-12)
        assert step.loglik == pytest.approx(float(expected["exact"]["loglik"]), rel=1e-12)
        if "responsibilities" in expected:
            np.testing.assert_allclose(
                mixture.responsibilities(x), expected["responsibilities"], atol=1e-12
            )
        np.testing.assert_allclose(step.statistics.weight, expected["soft_counts"], rtol=1e-11)
    assert len(golden["iterations"]) >= 4


def with_prior(name: str) -> tuple[dict, np.ndarray, emix.Mixture]:
    """A case of mclust with a conjugate prior, the data, and the mixture it is at."""
    golden = case(name)
    found = golden.get("independent_refit") or golden
    spread = found["covariances"] if golden["d"] > 1 else np.reshape(found["variances"], (-1, 1, 1))
    means = np.reshape(found["means"], (golden["K"], golden["d"]))
    weights = np.array(found["weights"]) / np.sum(found["weights"])
    spread = np.array(spread)
    symmetric = (spread + np.swapaxes(spread, 1, 2)) / 2
    return golden, data(golden), emix.Mixture(weights, means, symmetric)


@pytest.mark.parametrize("name", PRIORS)
def test_mclusts_fits_with_a_conjugate_prior_are_where_a_step_changes_nothing(name: str) -> None:
    golden, x, mixture = with_prior(name)
    # Its prior by default, but for where the case says another shrinkage.
    prior = emix.ConjugatePrior(golden["prior_hyperparameters"]["shrinkage"])
    second = next(islice(emix.steps(x, mixture, covariance=golden["model"], prior=prior), 1, None))
    sds = np.sqrt(np.diagonal(mixture.covariances, axis1=1, axis2=2))
    np.testing.assert_allclose(second.mixture.weights, mixture.weights, atol=1e-9)
    assert np.abs((second.mixture.means - mixture.means) / sds).max() < 1e-8
    relative = second.mixture.covariances / (sds[:, :, None] * sds[:, None, :])
    wanted = mixture.covariances / (sds[:, :, None] * sds[:, None, :])
    np.testing.assert_allclose(relative, wanted, atol=1e-8)


@pytest.mark.parametrize("name", PRIORS)
def test_the_default_prior_is_mclusts(name: str) -> None:
    golden, x, _ = with_prior(name)
    k, d, given = golden["K"], golden["d"], golden["prior_hyperparameters"]
    rule = structure(golden["model"], d)
    table = x.reshape(len(x), d)
    moments = table.mean(axis=0), np.cov(table.T).reshape(d, d), float(len(x))
    found = emix.ConjugatePrior(given["shrinkage"]).imagined(rule, k, *moments)
    wanted = emix.ConjugatePrior(**given).imagined(rule, k, *moments)
    assert (found.count, found.weight) == (given["shrinkage"], wanted.weight)
    np.testing.assert_allclose(found.mean, given["mean"], rtol=1e-12)
    np.testing.assert_allclose(found.scatter, wanted.scatter, rtol=1e-11)


def test_the_cases_in_several_columns_are_all_here() -> None:
    assert (len(TABLES), len(PRIORS)) == (1, 56)
