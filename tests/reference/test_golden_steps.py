"""`emix.steps` against EM in 50-digit arithmetic."""

from itertools import islice

import numpy as np
import pytest
from golden import case, cases, data

import emix

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
