"""Standard errors from derivatives: what is known of them in closed form, laws, singular cases."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pytest
from golden import case, cases, data

import emix
from emix import Mixture
from emix.arrays import Units
from emix.inference.quantities import Uncertainty
from emix.inference.standard_errors import Derivatives, standard_errors
from emix.model import FLOOR, Model
from emix.moments import moments_of
from emix.sources.array import ArraySource

NAN = np.nan
FAITHFUL = emix.datasets.load("faithful").data
WAITING = emix.datasets.load("faithful")["waiting"]


def errors_of(
    x: object, mixture: Mixture, covariance: str, method: str = "observed", weight: object = None,
    **held: object,
) -> Uncertainty:
    source = ArraySource.of(x, weight)
    moments = moments_of(source, 1)
    model = Model.parse(mixture.n_components, source.n_features, covariance, **held)
    units = Units.of_spread(moments.mean, moments.sd, not model.structure.is_scale_free)
    found = Derivatives.at(source, mixture, model.inward(units, FLOOR), units)
    return standard_errors(found, mixture, source.column_names, method)


def quietly(*args: object, **kwargs: object) -> emix.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return emix.fit(*args, **kwargs)


@pytest.mark.parametrize("name", cases("l_"))
@pytest.mark.parametrize(("method", "key"), [
    ("observed", "se"), ("scores", "se_opg"), ("sandwich", "se_sandwich")])
def test_frozen_standard_errors(name, method, key):
    """Beside 40-digit arithmetic, at our own optimum."""
    golden = case(name)
    k, x = golden["K"], data(golden)
    start = Mixture.univariate(golden["weights"], golden["means"], golden["sds"])
    fit = emix.fit(x, k, covariance=golden["model"], start=start)
    errors = errors_of(x, fit.mixture, golden["model"], method)
    sds = errors.sds[:1] if golden["model"] == "E" else errors.sds
    ours = np.concatenate([errors.weights[: k - 1], errors.means[:, 0], sds])
    np.testing.assert_allclose(ours, golden[key], rtol=1e-8)
    if method == "observed":
        np.testing.assert_allclose(errors.covariances[:, 0, 0], golden["se_variances"], rtol=1e-8)
        assert fit.uncertainty.sds.tolist() == errors.sds.tolist()


@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VVI", "VII"])
def test_one_normal_in_closed_form(covariance):
    """se(μ) = σ/√n and, of one normal, se(σ²) and se(Σ_ij) from Wishart's moments."""
    x = FAITHFUL @ np.array([[10.0, 0.5], [0.0, 0.3]])
    fit, n = emix.fit(x, 1, covariance=covariance), len(x)
    errors, sigma = fit.uncertainty, fit.mixture.covariances[0]
    sds = np.sqrt(np.diag(sigma))
    np.testing.assert_allclose(errors.means[0], sds / np.sqrt(n), rtol=1e-9)
    each = 4 * n if covariance == "VII" else 2 * n
    np.testing.assert_allclose(errors.sds[0], sds / np.sqrt(each), rtol=1e-9)
    cross = np.sqrt((sds[0] ** 2 * sds[1] ** 2 + sigma[0, 1] ** 2) / n)
    turned = covariance in ("VVV", "EEE")
    assert errors.covariances[0, 0, 1] == pytest.approx(cross if turned else 0.0, rel=1e-9)
    np.testing.assert_allclose(np.diag(errors.covariances[0]), 2 * sds * errors.sds[0], rtol=1e-9)


@pytest.mark.parametrize("sd", [1.0, 30.0])
def test_a_prior_in_closed_form(sd):
    """One mean, σ held: the data's information n / σ², Σ (x − μ)² / σ⁴ by scores, and 1 / τ² of the
    prior beside either; in the middle of a sandwich stands the data alone."""
    prior = emix.NormalPrior(60.0, sd)
    mean = emix.fit(WAITING, 1, sds=5.0, prior=prior).mixture.means[0, 0]
    data, outer = len(WAITING) / 25, float(((WAITING - mean) ** 2).sum()) / 625
    mixture = Mixture.univariate([1.0], [mean], [5.0])
    wanted = {"observed": (data + sd**-2) ** -0.5, "scores": (outer + sd**-2) ** -0.5,
              "sandwich": outer**0.5 / (data + sd**-2)}
    for method, value in wanted.items():
        errors = errors_of(WAITING, mixture, "V", method, sds=5.0, prior=prior)
        assert errors.means[0, 0] == pytest.approx(value, rel=1e-9), method


def test_full_and_oriented_charts_agree():
    """One component: VEV, VVE, EVV and VVV are the same model in other coordinates."""
    found = [errors_of(FAITHFUL, emix.fit(FAITHFUL, 1, covariance=name).mixture, name)
             for name in ("VVV", "VEV", "VVE", "EEE", "EVV")]
    for errors in found[1:]:
        np.testing.assert_allclose(errors.covariances, found[0].covariances, rtol=1e-8)
        np.testing.assert_allclose(errors.sds, found[0].sds, rtol=1e-8)


@pytest.mark.parametrize("method", ["observed", "sandwich", "scores"])
@pytest.mark.parametrize("covariance", ["VVV", "VEE", "EVI"])
def test_errors_scale_with_the_units(method, covariance):
    scale, shift = np.array([1000.0, 1 / 60]), np.array([5.0, 1e4])
    there = emix.fit(FAITHFUL * scale + shift, 2, covariance=covariance)
    here = emix.fit(FAITHFUL, 2, covariance=covariance)
    one = errors_of(FAITHFUL, here.mixture, covariance, method)
    other = errors_of(FAITHFUL * scale + shift, there.mixture, covariance, method)
    np.testing.assert_allclose(other.weights, one.weights, rtol=1e-6)
    np.testing.assert_allclose(other.means, one.means * scale, rtol=1e-6)
    np.testing.assert_allclose(other.sds, one.sds * scale, rtol=1e-6)
    np.testing.assert_allclose(other.covariances, one.covariances * np.outer(scale, scale),
                               rtol=1e-5)


@pytest.mark.parametrize("covariance", ["VVV", "VVE", "EEI"])
def test_errors_follow_their_component(covariance):
    mixture = emix.fit(FAITHFUL, 2, covariance=covariance).mixture
    one = errors_of(FAITHFUL, mixture, covariance)
    other = errors_of(FAITHFUL, mixture.reordered(np.array([1, 0])), covariance)
    for kind in ("weights", "means", "sds", "covariances"):
        np.testing.assert_allclose(other.of(kind).se, one.of(kind).se[::-1], rtol=1e-9)


def test_integer_weights_are_repetition():
    w = np.random.default_rng(0).integers(0, 4, len(WAITING)).astype(float)
    fit = emix.fit(WAITING, 2, sample_weight=w)
    for method in ("observed", "sandwich", "scores"):
        one = errors_of(WAITING, fit.mixture, "V", method, w)
        other = errors_of(np.repeat(WAITING, w.astype(int)), fit.mixture, "V", method)
        np.testing.assert_allclose(one.means, other.means, rtol=1e-9)
        np.testing.assert_allclose(one.sds, other.sds, rtol=1e-9)


# Where there is no standard error


def reasons(errors: Uncertainty) -> dict[str, str]:
    return {row.name: row.note for row in errors.table() if row.note is not None}


def test_held_parameters_are_named_and_the_others_have_smaller_errors():
    free = emix.fit(WAITING, 2).uncertainty
    held = emix.fit(WAITING, 2, means=[54.6, NAN], weights="equal", sds=[NAN, 5.9]).uncertainty
    assert reasons(held) == dict.fromkeys(
        ["weight 1", "weight 2", "mean 1", "sd 2"], "held, not learned")
    assert np.isnan(held.weights).all() and np.isnan(held.means[0, 0]) and np.isnan(held.sds[1])
    assert 0 < held.means[1, 0] < free.means[1, 0]
    one = emix.fit(WAITING, 2, weights=[0.3, NAN]).uncertainty
    assert reasons(one) == dict.fromkeys(["weight 1", "weight 2"], "held, not learned")
    part = emix.fit(FAITHFUL, 2, means=[[2.0, NAN], NAN], n_starts=2).uncertainty
    assert set(reasons(part)) == {"mean 1 x1"}


def test_copies_of_a_component_are_told_from_the_third():
    """Of two equal components far from the third the information is singular, and only theirs."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 300), rng.normal(1000, 1, 200)])
    two = emix.fit(x, 2, covariance="E").mixture
    sds = np.full(3, two.sds[0])
    means = [*([two.means[0, 0]] * 2), two.means[1, 0]]
    twins = Mixture.univariate([*(two.weights[0] * np.array([0.4, 0.6])), two.weights[1]],
                               means, sds)
    found = reasons(errors_of(x, twins, "E", sds=sds[0]))
    assert {"weight 1", "weight 2", "mean 1", "mean 2"} <= set(found)
    assert not {"mean 3", "weight 3"} & set(found)
    assert "singular" in found["weight 1"]
    assert all("singular" in note or "not a maximum" in note
               for name, note in found.items() if not name.startswith("sd"))


def test_a_degenerate_component_is_named_and_the_others_keep_theirs():
    x = np.concatenate([np.random.default_rng(1).normal(size=100), [9.0]])
    start = Mixture.univariate([0.99, 0.01], [0.0, 9.0], [1.0, 1e-12])
    fit = quietly(x, 2, start=start)
    assert fit.degenerate[0].component == 1
    found = reasons(fit.uncertainty)
    assert set(found) == {"weight 2", "mean 2", "sd 2"}
    assert all("degenerate" in note for note in found.values())
    assert fit.uncertainty.means[0, 0] == pytest.approx(fit.mixture.sds[0] / 10, rel=1e-6)
    assert "no standard error" in fit.report() and "degenerate" in fit.report()


def test_an_empty_component_is_on_the_boundary():
    mixture = Mixture.univariate([0.0, 0.4, 0.6], [0.0, 54.6, 80.1], [5.0, 5.9, 5.9])
    found = reasons(errors_of(WAITING, mixture, "V"))
    assert set(found) == {"weight 1", "mean 1", "sd 1"}
    assert all("boundary" in note for note in found.values())


def test_a_saddle_is_no_maximum():
    """One normal as two equal halves about its mean, of data in two groups."""
    mean, sd = WAITING.mean(), WAITING.std()
    found = reasons(errors_of(WAITING, Mixture.univariate([0.5, 0.5], [mean] * 2, [sd] * 2), "E"))
    assert {"mean 1", "mean 2"} <= set(found)
    assert all("not a maximum" in note or "singular" in note for note in found.values())


def test_a_fit_that_was_stopped_says_so():
    fit = quietly(WAITING, 2, n_starts=2, max_iter=3)
    assert any("max_iter" in remark for remark in fit.uncertainty.remarks)


def test_priors_make_parameters_surer():
    plain = emix.fit(WAITING, 2)
    for prior in (emix.NormalPrior([54.6], [0.5]), "conjugate", emix.DirichletPrior(50.0)):
        fit = emix.fit(WAITING, 2, prior=prior)
        assert (fit.uncertainty.means <= plain.uncertainty.means * 1.05).all()
    sure = emix.fit(WAITING, 2, prior=emix.NormalPrior(54.6, 1e-3)).uncertainty
    np.testing.assert_allclose(sure.means[:, 0], 1e-3, rtol=1e-3)


def test_intervals_end_where_parameters_end():
    x = np.concatenate([WAITING, [150.0, 151.0, 149.0]])
    errors = emix.fit(x, 3).uncertainty
    for row in errors.table():
        assert row.low < row.estimate < row.high
        if row.name.startswith("weight"):
            assert row.low > 0 and row.high < 1
        if row.name.startswith("sd"):
            assert row.low > 0


def test_a_stored_fit_has_its_errors_and_not_the_data():
    fit = emix.fit(WAITING, 2, covariance="E")
    stored = pickle.dumps(fit)
    there = pickle.loads(stored)
    assert there.uncertainty.means.tolist() == fit.uncertainty.means.tolist()
    assert WAITING.tobytes()[:400] not in stored
    x = WAITING.copy()
    fit = emix.fit(x, 2, covariance="E")
    x[:] = 0.0
    assert fit.uncertainty.means.tolist() == there.uncertainty.means.tolist()


def test_much_data_is_left_to_be_asked_for():
    x = np.random.default_rng(0).normal(size=(1 << 18) + 1)
    fit = emix.fit(x, 1)
    assert fit.uncertainty is None and "emix.uncertainty(x, fit)" in fit.report()
    assert fit.to_dict()["uncertainty"] is None


def test_the_report_and_the_plain_data_say_all():
    errors = emix.fit(FAITHFUL, 2, covariance="VVI", columns=None).uncertainty
    text = errors.report()
    for row in errors.table():
        assert row.name in text and f"{row.se:.4g}" in text
    assert "covariance" not in text and "observed information" in text and str(errors) == text
    plain = json.loads(json.dumps(errors.to_dict(), allow_nan=False))
    np.testing.assert_array_equal(plain["means"]["se"], errors.means)
    np.testing.assert_array_equal(plain["sds"]["low"], errors.of("sds").low)
    turned = emix.fit(emix.datasets.load("faithful"), 2).uncertainty
    assert "covariance 2 eruptions × waiting" in [row.name for row in turned.table()]
    with pytest.raises(emix.ParameterError, match="weights, means, sds"):
        errors.of("variances")


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_far_units_are_no_obstacle(scale):
    here, there = emix.fit(WAITING, 2).uncertainty, emix.fit(WAITING * scale, 2).uncertainty
    np.testing.assert_allclose(there.means / scale, here.means, rtol=1e-6)
    np.testing.assert_allclose(there.sds / scale, here.sds, rtol=1e-6)


def test_intervals_cover_what_they_say():
    """Of 100 samples of 200 points the 95% interval of the second mean holds the truth in about
    95; in fewer than 87 by chance once in a thousand."""
    truth = Mixture.univariate([0.4, 0.6], [0.0, 4.0], [1.0, 1.0])
    inside = 0
    for seed in range(100):
        x, _ = truth.sample(200, seed)
        fit = emix.fit(x, 2, covariance="E", start=truth, tol=1e-5)
        mean = fit.uncertainty.of("means")
        inside += mean.low[1, 0] < 4.0 < mean.high[1, 0]
    assert inside >= 87
