"""The certificate: nothing exceeds the bound, and the bound is hardly above what is reached."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from golden import best, case, cases, data
from hypothesis import given
from hypothesis import strategies as st

import emix
from emix.certificates.certificate_report import _down, _up
from emix.errors import DataError, ParameterError


@pytest.fixture(scope="module")
def waiting() -> Any:
    return emix.datasets.load("faithful")["waiting"]


@pytest.fixture(scope="module")
def fit(waiting: Any) -> emix.Fit:
    return emix.fit(waiting, 2, covariance="E")


@pytest.fixture(scope="module")
def certificate(waiting: Any, fit: emix.Fit) -> emix.Certificate:
    return emix.certify(waiting, fit)


def loglik(mixture: emix.Mixture, x: Any, weight: Any = None) -> float:
    return float(mixture.logpdf(x).sum() if weight is None else weight @ mixture.logpdf(x))


numbers = st.floats(-20, 20, allow_nan=False, width=32)


@given(
    x=st.lists(numbers, min_size=2, max_size=40), means=st.lists(numbers, min_size=1, max_size=6),
    scale=st.sampled_from([1e-6, 1.0, 1e9]), offset=st.sampled_from([0.0, 1e6]),
    sd=st.floats(0.05, 10), seed=st.integers(0, 2**32 - 1), weighted=st.booleans(),
)
def test_no_mixture_exceeds_the_bound(
    x: list[float], means: list[float], scale: float, offset: float, sd: float, seed: int,
    weighted: bool,
) -> None:
    rng = np.random.default_rng(seed)
    points = (np.array(x) + offset) * scale
    if np.ptp(points) == 0:
        points = np.append(points, points[0] + sd * scale)
    weight = rng.exponential(1.0, len(points)) * (rng.random(len(points)) > 0.2) if weighted \
        else None
    if weight is not None and not weight.any():
        weight[0] = 1.0
    fit = emix.fit(points, 1, sds=sd * scale, sample_weight=weight)
    found = emix.certify(points, fit, sample_weight=weight)
    assert found.bound >= fit.loglik and 0 <= found.duality_gap < 0.01
    assert found.bound >= loglik(found.npmle, points, weight)
    k = len(means)
    for wide in (np.ones(k), 1 + rng.exponential(1.0, k)):
        other = emix.Mixture.univariate(rng.dirichlet(np.ones(k)),
                                        (np.array(means) + offset) * scale, sd * scale * wide)
        assert loglik(other, points, weight) <= found.bound


@pytest.mark.parametrize("name", [n for n in cases("a") if case(n)["model"] == "E"])
def test_the_gap_is_small_and_no_frozen_log_likelihood_is_above(name: str) -> None:
    """mclust's E model, and the best that its random starts found, against the bound of one
    component with the same σ."""
    golden = case(name)
    found, parameters = best(golden)
    if not np.isfinite(found):
        parameters = {"variances": [float(np.var(data(golden)))]}
    x = data(golden)
    sd = math.sqrt(float(np.min(parameters["variances"]))) * (1 - 1e-12)
    certificate = emix.certify(x, emix.fit(x, 1, sds=sd))
    assert certificate.bound >= max(found, certificate.loglik)
    assert 0 <= certificate.duality_gap <= 0.003
    assert loglik(certificate.npmle, x) <= certificate.bound


def test_the_npmle_is_stationary_by_an_independent_count(certificate: emix.Certificate,
                                                         waiting: Any) -> None:
    """D(u) ≤ 1 + gap/n on a fine grid, from the densities alone."""
    sd, best = certificate.sd_floor, certificate.npmle
    u = np.linspace(waiting.min() - 5, waiting.max() + 5, 4001)
    kernels = np.exp(-0.5 * ((waiting[:, None] - u) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
    gradient = (kernels / best.pdf(waiting)[:, None]).mean(axis=0)
    assert len(waiting) * math.log(gradient.max()) <= certificate.duality_gap
    at = (np.exp(-0.5 * ((waiting[:, None] - best.means[:, 0]) / sd) ** 2)
          / (sd * math.sqrt(2 * math.pi)) / best.pdf(waiting)[:, None]).mean(axis=0)
    np.testing.assert_allclose(at[best.weights > 1e-3], 1.0, atol=1e-3)


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_the_bound_holds_in_fifty_digits(waiting: Any, offset: float) -> None:
    """The exact log-likelihood of the mixture the bound rests on, and of others beside it."""
    x = waiting[:60] + offset
    found = emix.certify(x, emix.fit(x, 1, sds=5.0))
    best = found.npmle
    with mpmath.workdps(50):
        for shift in (0.0, 1e-4, -1e-3):
            total = mpmath.mpf(0)
            for value in x.tolist():
                total += mpmath.log(sum(
                    mpmath.mpf(w) * mpmath.npdf(value, mpmath.mpf(m) + shift, 5)
                    for w, m in zip(best.weights.tolist(), best.means[:, 0].tolist(), strict=True)
                ) / mpmath.fsum(best.weights.tolist()))
            assert total <= mpmath.mpf(found.bound) <= total + 0.01


def test_units_do_not_matter(waiting: Any, certificate: emix.Certificate) -> None:
    for scale, shift in ((1e-9, 0.0), (2.0**40, 0.0), (1.0, 1e7)):
        x = waiting * scale + shift
        found = emix.certify(x, emix.fit(x, 2, covariance="E"))
        assert found.gap == pytest.approx(certificate.gap, abs=2e-3)
        jacobian = len(x) * math.log(scale)
        assert found.bound == pytest.approx(certificate.bound - jacobian, abs=2e-3)


def test_weights_are_repetition(waiting: Any) -> None:
    counts = np.random.default_rng(3).integers(0, 4, len(waiting))
    repeated = np.repeat(waiting, counts)
    once = emix.certify(repeated, emix.fit(repeated, 2, sds=6.0))
    weighted = emix.certify(waiting, emix.fit(waiting, 2, sds=6.0, sample_weight=counts),
                            sample_weight=counts)
    assert weighted.bound == pytest.approx(once.bound, abs=2e-3)
    assert weighted.n == once.n == counts.sum()


def test_many_rows_are_binned_and_the_bound_holds() -> None:
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(0, 1, 40_000), rng.normal(3, 0.7, 80_000)])
    fit = emix.fit(x, 1, sds=0.7)
    found = emix.certify(x, fit)
    assert 0 <= found.duality_gap <= 0.003
    assert found.bound >= loglik(found.npmle, x) > fit.loglik
    truth = emix.Mixture.univariate([1 / 3, 2 / 3], [0.0, 3.0], [1.0, 0.7])
    assert loglik(truth, x) <= found.bound


def test_bits_do_not_depend_on_threads(waiting: Any, fit: emix.Fit) -> None:
    one, three = (emix.certify(waiting, fit, threads=t) for t in (1, 3))
    assert one.bound == three.bound
    np.testing.assert_array_equal(one.npmle.means, three.npmle.means)


def test_one_point_ties_and_far_points() -> None:
    one = emix.certify([5.0], emix.fit([5.0], 1, sds=2.0))
    assert one.bound == pytest.approx(-math.log(2 * math.sqrt(2 * math.pi)), abs=1e-9)
    assert one.first_excluded is None and one.npmle.n_components == 1
    tied = np.repeat([0.0, 3.0], [50, 150])
    found = emix.certify(tied, emix.fit(tied, 2, sds=0.1))
    np.testing.assert_allclose(found.npmle.weights, [0.25, 0.75], atol=1e-6)
    # A point so far that it underflows, and gaps that no normal reaches across.
    far = np.array([0.0, 0.1, 1e3, 1e3 + 0.1, 1e6])
    apart = emix.certify(far, emix.fit(far, 1, sds=1.0))
    assert apart.npmle.n_components == 3 and apart.duality_gap < 0.01
    lone = np.arange(300) * 50.0
    each = emix.certify(lone, emix.fit(lone, 1, sds=1.0))
    assert each.npmle.n_components == 300 and each.duality_gap < 1e-3


def test_underflow_is_no_error_where_all_of_numpys_are(waiting: Any, fit: emix.Fit) -> None:
    with np.errstate(all="raise"):
        found = emix.certify(waiting, fit, sd_floor=0.01, prove_global=True)
    assert found.duality_gap < 0.01 and found.npmle.n_components == len(np.unique(waiting))
    assert found.global_proof is not None and found.global_proof.proven


def test_the_fits_column_is_found_by_its_name(waiting: Any, tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    lines = [f"d{i},{value},{value % 3}" for i, value in enumerate(waiting.tolist())]
    path.write_text("\n".join(["day,minutes,copies", *lines]) + "\n")
    fit = emix.fit(path, 1, columns="minutes", sample_weight="copies")
    found = emix.certify(path, fit, sample_weight="copies")
    array = emix.certify(waiting, fit, sample_weight=waiting % 3)
    assert found.bound == array.bound
    assert emix.certify(path, emix.fit(waiting, 1), columns="minutes").gap > 0


@pytest.mark.parametrize("kind", ["float32", "int64", ">f8"])
def test_every_kind_of_number_and_container(waiting: Any, fit: emix.Fit, kind: str) -> None:
    certificate = emix.certify(waiting, fit)
    x = waiting.astype(kind)
    for given_as in (x, x.tolist(), x[:, None], np.repeat(x, 2)[::2]):
        assert emix.certify(given_as, fit).bound == certificate.bound


def test_a_floor_below_the_fits_sds_gives_a_higher_bound(waiting: Any) -> None:
    free = emix.fit(waiting, 2)
    own = emix.certify(waiting, free)
    assert own.sd_floor == free.mixture.sds.min()
    low = emix.certify(waiting, free, sd_floor=4.0)
    assert low.bound > own.bound and low.loglik == own.loglik
    with pytest.raises(ParameterError, match="above the fit's smallest"):
        emix.certify(waiting, free, sd_floor=7.0)


@pytest.mark.parametrize("floor", [0, -1.0, math.nan, math.inf, "wide", True])
def test_what_is_no_floor(waiting: Any, fit: emix.Fit, floor: Any) -> None:
    with pytest.raises(ParameterError, match="sd_floor"):
        emix.certify(waiting, fit, sd_floor=floor)


def test_what_cannot_be_certified(waiting: Any, fit: emix.Fit) -> None:
    faithful = emix.datasets.load("faithful")
    with pytest.raises(ParameterError, match="one column so far"):
        emix.certify(faithful, emix.fit(faithful, 2, covariance="EEE"))
    with pytest.raises(ParameterError, match=r"what emix\.fit returned"):
        emix.certify(waiting, fit.mixture)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="made to n = 272"):
        emix.certify(waiting[:100], fit)
    with pytest.raises(DataError, match="the data that the fit was made to"):
        emix.certify(waiting + 1, fit)
    with pytest.raises(ParameterError, match="x has 2 columns"):
        emix.certify(faithful, fit)
    named = emix.fit(faithful, 2, covariance="E", columns="waiting")
    assert emix.certify(faithful, named).bound == emix.certify(waiting, fit).bound


def test_what_follows_for_bic(waiting: Any, certificate: emix.Certificate) -> None:
    assert certificate.first_excluded == 3
    assert [certificate.df(k) for k in (1, 2, 5)] == [2, 4, 10]
    for k in (3, 4, 5):
        assert certificate.excludes(k)
        assert certificate.best_bic_possible(k) >= certificate.fit.bic
    assert certificate.excludes(1) and not certificate.excludes(2)
    single = emix.fit(waiting, 1)
    assert certificate.best_bic_possible(1) == pytest.approx(single.bic, abs=1e-6)
    assert certificate.single >= single.loglik
    free = emix.certify(waiting, emix.fit(waiting, 2))
    assert [free.df(k) for k in (1, 2, 5)] == [2, 5, 14]
    equal = emix.certify(waiting, emix.fit(waiting, 2, weights="equal", sds=6.0))
    assert [equal.df(k) for k in (1, 2, 5)] == [1, 2, 5]
    some = emix.certify(waiting, emix.fit(waiting, 2, means=[55.0, math.nan]))
    assert some.first_excluded is None
    with pytest.raises(ParameterError, match="single components"):
        some.df(3)
    assert "BIC" not in some.report()


def test_the_report_says_it_in_words(certificate: emix.Certificate) -> None:
    text = certificate.report()
    assert text == str(certificate)
    assert "No mixture of normal components, however many" in text
    assert "no number of components other than 2 can have a better BIC" in text
    assert f"{certificate.npmle.n_components} components comes within" in text
    assert "gap" in repr(certificate)


def test_decimals_are_rounded_outwards() -> None:
    assert _up(-1.00001) == "-1.0000" and _up(1.00001) == "1.0001"
    assert _up(0.00123, 1) == "1.3e-03" and _down(2.0009) == "2.000"


def test_plain_data_is_json(certificate: emix.Certificate) -> None:
    plain = json.loads(json.dumps(certificate.to_dict()))
    assert plain["bound"] == certificate.bound and plain["first_excluded"] == 3
    assert emix.Mixture.from_dict(plain["npmle"]).n_components == certificate.npmle.n_components
    assert len(plain["statements"]) == 4 and plain["n"] == 272
