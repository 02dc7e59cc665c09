"""How many components: bootstrap likelihood ratios, the EM-test, and both in a selection."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from golden import case, data
from nights import examples
from scipy import stats

import emix
from emix import Mixture
from emix.inference.em_test import (
    ALPHAS,
    _best_alphas,
    _expect,
    _log_share,
    _maximise,
    _p_value,
)
from emix.kernels import NATIVE

WAITING = emix.datasets.load("faithful")["waiting"]
FAITHFUL = emix.datasets.load("faithful").data

native = pytest.mark.skipif(NATIVE is None, reason="hundreds of refits take minutes without the "
                                                   "native kernel")

# Of the frozen tests those (by k) at which mclust stood at a maximum of k and of k + 1 components,
# both sound. The others are below.
COMPARED = {
    "f_lrt_acidity_V_seed1": (1, 2, 3),
    "f_lrt_faithful_waiting_E_seed1": (1,),
    "f_lrt_faithful_waiting_V_seed1": (1,),
    "f_lrt_faithful_eruptions_V_seed1": (1, 3),
    "f_lrt_galaxies_V_seed1": (1, 2, 3),
    "f_lrt_faithful_EEE_seed1": (1, 2),
    "f_lrt_iris_VEV_seed1": (1, 2),
}


@native
@pytest.mark.parametrize("name", COMPARED)
def test_p_values_are_mclusts_at_mclusts_statistics(name):
    """At its number of replicates, begun as it begins them, within four Monte-Carlo errors."""
    golden = case(name)
    n = golden["nboot"] if golden["d"] == 1 else examples(199, golden["nboot"])
    found = emix.bootstrap_lrt(data(golden), COMPARED[name], golden["model"], thorough=False,
                               n_replicates=n, level=0.999)
    for test in found.tests:
        at = golden["null_K"].index(test.k)
        p, statistic = golden["p_values"][at], golden["observed_lrt"][at]
        ours = (1 + (test.null >= statistic).sum()) / (1 + len(test.null))
        error = np.sqrt(max(p * (1 - p), 0.002) * (1 / 999 + 1 / n))
        assert ours == pytest.approx(p, abs=4 * error + 1 / n), test.k
        # The optimum that we report is never below mclust's.
        if test.k == 1:
            assert test.statistic >= statistic - 1e-2


# The other eight. At its tolerance (a gain below 1e-5 of the log-likelihood) mclust has stopped on
# the way to a maximum of k or of k + 1 components; four times it even reports k + 1 as worse than
# the k that they contain. Of iris its four components are at a summit, but a degenerate one.
STOPPED_SHORT = [
    ("f_lrt_faithful_waiting_E_seed1", 2), ("f_lrt_faithful_waiting_E_seed1", 3),
    ("f_lrt_faithful_waiting_V_seed1", 2), ("f_lrt_faithful_waiting_V_seed1", 3),
    ("f_lrt_faithful_eruptions_V_seed1", 2), ("f_lrt_galaxies_V_seed1", 4),
    ("f_lrt_faithful_EEE_seed1", 3), ("f_lrt_iris_VEV_seed1", 3),
]


def of_mclust(golden: dict, k: int) -> tuple[Mixture, float]:
    """mclust's mixture of k components and the log-likelihood that it reports."""
    fit, d = golden["fits"][k - 1], golden["d"]
    if d == 1:
        sds = np.sqrt(fit["variances"])
        return Mixture.univariate(fit["weights"], fit["means"], sds), fit["loglik"]
    means = np.reshape(fit["means"], (k, d))
    covariances = np.reshape(fit["covariances"], (k, d, d))
    return Mixture(fit["weights"], means, covariances), fit["loglik"]


def stopped_as_mclust_stops(x: np.ndarray, start: Mixture, covariance: str) -> float:
    """The log-likelihood at the first EM step that gains less than 1e-5 of it."""
    before = -np.inf
    for step in emix.steps(x, start, covariance=covariance):
        if abs(step.loglik - before) < 1e-5 * (1 + abs(step.loglik)):
            break
        before = step.loglik
    return step.loglik


@pytest.mark.parametrize(("name", "k"), STOPPED_SHORT)
def test_mclust_stopped_short_of_a_maximum(name, k):
    """From its own parameters there is more to be had; so its statistic is of no two maxima."""
    golden = case(name)
    x, gains = data(golden), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", emix.DegenerateWarning)
        for components in (k, k + 1):
            mixture, reported = of_mclust(golden, components)
            onward = emix.fit(x, components, covariance=golden["model"], start=mixture)
            gains.append(onward.loglik - reported)
    at = golden["null_K"].index(k)
    statistic = golden["fits"][k]["loglik"] - golden["fits"][k - 1]["loglik"]
    assert 2 * statistic == pytest.approx(golden["observed_lrt"][at], abs=1e-9)
    if name.startswith("f_lrt_iris"):
        assert onward.degenerate and max(gains) < 0.01
    else:
        assert max(gains) > 0.08 and min(gains) > -1e-9
    if statistic < 0:
        assert 2 * (statistic + gains[1] - gains[0]) > -1e-6


@native
@pytest.mark.parametrize(("name", "k"), STOPPED_SHORT)
def test_its_p_values_are_those_of_stopping_short(name, k):
    """Replicates refitted by plain EM from its mixtures, each stopped where it stops, lead to its
    p-value within four Monte-Carlo errors: it is the stopping that differs, not the test."""
    golden = case(name)
    at, count = golden["null_K"].index(k), len(data(golden))
    smaller, larger = (of_mclust(golden, components)[0] for components in (k, k + 1))
    n = examples(199 if golden["d"] < 4 else 49, golden["nboot"])
    rng, reached = np.random.default_rng(0), 0
    for _ in range(n):
        x = smaller.sample(count, rng)[0]
        ends = [stopped_as_mclust_stops(x, start, golden["model"]) for start in (smaller, larger)]
        reached += 2 * (ends[1] - ends[0]) >= golden["observed_lrt"][at]
    p = golden["p_values"][at]
    error = np.sqrt(max(p * (1 - p), 0.002) * (1 / golden["nboot"] + 1 / n))
    assert (1 + reached) / (1 + n) == pytest.approx(p, abs=4 * error + 1 / n)


@native
def test_the_sequence_ends_where_a_test_does_not_reject():
    count = 99
    found = emix.bootstrap_lrt(WAITING, range(1, 4), "E", n_replicates=count, level=0.06)
    assert [test.k for test in found.tests] == [1, 2]
    assert found.k == 2 and found.is_settled
    assert found.p_value(1) == 1 / (count + 1) and found.p_value(2) > 0.06
    assert np.isnan(found.p_value(3))
    one, two = (emix.fit(WAITING, k, covariance="E").loglik for k in (1, 2))
    assert found.tests[0].statistic == pytest.approx(2 * (two - one), rel=1e-9)
    assert "2 components: the first that the 6% level does not reject" in found.report()
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["k"] == 2 and plain["tests"][0]["p_value"] == found.p_value(1)
    early = emix.bootstrap_lrt(WAITING, 1, "E", n_replicates=19, level=0.06)
    assert early.k == 2 and not early.is_settled and "At least 2" in str(early)


@native
def test_thorough_replicates_reach_higher():
    quick, thorough = (
        emix.bootstrap_lrt(WAITING, 2, "E", n_replicates=200, thorough=thorough).tests[0].null
        for thorough in (False, True))
    assert (thorough >= quick - 1e-9).all() and thorough.mean() > quick.mean() + 0.1


@native
def test_p_values_are_uniform_where_there_is_one_component():
    """Sixty samples of one normal: the 20% level rejects about twelve."""
    p_values = []
    for seed in range(60):
        x = np.random.default_rng(seed).normal(size=60)
        p_values.append(emix.bootstrap_lrt(x, 1, "E", n_replicates=99, seed=seed).p_value(1))
    rejected = sum(p <= 0.2 for p in p_values)
    assert 3 <= rejected <= 22 and stats.kstest(p_values, "uniform").pvalue > 1e-3


@native
def test_the_same_bits_on_any_number_of_threads_and_in_any_company():
    one = emix.bootstrap_lrt(WAITING, [1, 2], "V", n_replicates=50, threads=1)
    two = emix.bootstrap_lrt(WAITING, [2], "V", n_replicates=50, threads=3)
    assert one.tests[1].null.tolist() == two.tests[0].null.tolist()


@native
def test_spikes_do_not_pass_for_likelihood():
    """With a σ for each component many replicates climb to a spike of tens of nats; judged as the
    data is, the test of one component against two still rejects."""
    galaxies = emix.datasets.load("galaxies")["velocity"]
    found = emix.bootstrap_lrt(galaxies, 1, "V", n_replicates=199)
    assert found.p_value(1) <= 0.02


def test_where_more_components_are_all_degenerate_the_sequence_says_so():
    found = emix.bootstrap_lrt([0.0, 1.0, 5.0], 2, "V", n_replicates=19)
    assert found.tests[-1].failure is not None and not found.is_settled
    assert "no sound optimum" in found.report()


@pytest.mark.parametrize(("arguments", "words"), [
    ({"ks": 0}, "ks=0"), ({"ks": []}, "ks="), ({"n_replicates": 5}, "19 or more"),
    ({"level": 5}, "level=5")])
def test_arguments_without_meaning(arguments, words):
    with pytest.raises(emix.ParameterError, match=words):
        emix.bootstrap_lrt(WAITING, **arguments)


# The EM-test


@pytest.mark.parametrize("covariance", ["E", "V"])
def test_the_em_test_tells_two_groups_from_one(covariance):
    fit = emix.fit(WAITING, 1, covariance=covariance)
    assert fit.em_test(WAITING).p_value < 1e-20
    one = np.random.default_rng(6).normal(50, 7, size=200)
    here = emix.fit(one, 1, covariance=covariance).em_test(one)
    assert here.p_value > 0.05
    scaled = emix.fit(1e3 * one + 7, 1, covariance=covariance).em_test(1e3 * one + 7)
    assert scaled.statistic == pytest.approx(here.statistic, abs=1e-6)
    # Penalties are 0 at one normal, and the steps begin at the best for their α.
    assert here.statistic >= 2 * np.log(1 - abs(1 - 2 * min(ALPHAS))) - 1e-6


def test_the_em_test_has_the_limit_of_the_paper():
    for t in (0.5, 3.0, 10.0):
        assert _p_value(t, "V") == pytest.approx(stats.chi2.sf(t, 2), rel=1e-12)
        gap = 2 * np.log(0.6)
        wanted = 1 - stats.chi2.cdf(t - gap, 1) * (0.5 + 0.5 * stats.chi2.cdf(t, 1))
        assert _p_value(t, "E") == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("first", [0.3, 3.0, 9.7, 10.0, 10.3, 17.0, 19.9])
def test_the_em_tests_weight_is_the_best_for_its_counts(first):
    def value(alpha: float) -> float:
        return first * np.log(alpha) + (20 - first) * np.log1p(-alpha) + _log_share(alpha)

    best = _best_alphas(np.array([[first, 20 - first]]))[0]
    assert value(best) >= max(map(value, np.linspace(0.001, 0.999, 999))) - 1e-12


@pytest.mark.parametrize("kind", ["E", "V"])
def test_the_em_tests_spreads_are_the_best_for_their_shares(kind):
    """At a fixed point of its steps the penalised log-likelihood has no slope."""
    z = np.concatenate([np.linspace(-2, -0.5, 9), np.linspace(0.2, 1.8, 14)])
    weight, alphas = np.ones(len(z)), np.array([0.3])
    means, sds = np.array([[-1.0, 1.0]]), np.array([[0.5, 0.5]])
    for _ in range(500):
        means, sds = _maximise(z, _expect(z, weight, alphas, means, sds, kind)[1], kind)
    top = _expect(z, weight, alphas, means, sds, kind)[0][0]
    for moved in (1 - 1e-3, 1 + 1e-3):
        for which in ([True, True],) if kind == "E" else ([True, False], [False, True]):
            beside = np.where(which, sds * moved, sds)
            assert _expect(z, weight, alphas, means, beside, kind)[0][0] < top
            assert _expect(z, weight, alphas, means + np.where(which, moved - 1, 0), sds,
                           kind)[0][0] < top


def test_the_em_test_keeps_its_level():
    """Thirty samples of one normal at the 10% level: more than 8 by chance twice in a thousand."""
    rejected = 0
    for seed in range(30):
        x = np.random.default_rng(seed).normal(size=80)
        rejected += emix.fit(x, 1, covariance="E").em_test(x).p_value <= 0.1
    assert rejected <= 8


def test_integer_weights_are_repetition():
    w = np.random.default_rng(0).integers(1, 4, len(WAITING)).astype(float)
    one = emix.fit(WAITING, 1, sample_weight=w).em_test(WAITING, w)
    repeated = np.repeat(WAITING, w.astype(int))
    assert one.statistic == pytest.approx(emix.fit(repeated, 1).em_test(repeated).statistic)


def test_the_em_test_is_of_one_free_component_in_one_column():
    for x, fit in ((WAITING, emix.fit(WAITING, 2, tol=1e-6)), (FAITHFUL, emix.fit(FAITHFUL, 1)),
                   (WAITING, emix.fit(WAITING, 1, sds=13.0))):
        with pytest.raises(emix.ParameterError, match="EM-test"):
            fit.em_test(x)


# In a selection


@native
def test_a_selection_has_the_tests_in_its_table():
    found = emix.select(WAITING, range(1, 4), "E", lrt=49)
    assert found.tests.k == 2 and found.tests.covariance == "E"
    assert found.tests.em_test.p_value < 1e-20
    text = found.report()
    assert "p-value, k against k + 1" in text and "EM-test of 1 component against 2" in text
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["tests"]["k"] == 2 and plain["tests"]["em_test"]["k"] == 1
    assert emix.select(WAITING, range(1, 3), "E").tests is None


@native
def test_a_power_that_is_known():
    """Two groups three standard deviations apart are found in 100 points."""
    x, _ = Mixture.univariate([0.5, 0.5], [0.0, 4.0], [1.0, 1.0]).sample(100, 1)
    assert emix.bootstrap_lrt(x, 1, "E", n_replicates=19).p_value(1) == 0.05
