"""Distribution function, quantiles and entropy of a mixture in one column."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emix import Mixture, ParameterError

PAIR = Mixture.univariate([0.3, 0.7], [-1.0, 2.0], [0.5, 1.5])


def exact_tail(mixture: Mixture, x: float, upper: bool) -> mpmath.mpf:
    """P(X ≤ x), or P(X > x), in 50 digits."""
    with mpmath.workdps(50):
        sign = 1 if upper else -1
        terms = [
            mpmath.mpf(w) * mpmath.erfc(sign * (mpmath.mpf(x) - m) / (s * mpmath.sqrt(2))) / 2
            for w, m, s in zip(mixture.weights.tolist(), mixture.means[:, 0].tolist(),
                               mixture.sds.tolist(), strict=True)
        ]
        return mpmath.fsum(terms)


def test_the_cdf_is_exact_in_the_lower_tail_and_the_middle():
    for x in (-18.0, -8.0, -3.0, -1.0, 0.0, 1.9, 4.0, 9.0, 60.0):
        wanted = exact_tail(PAIR, x, upper=False)
        assert PAIR.cdf(x)[0] == pytest.approx(float(wanted), rel=1e-13, abs=0)
    with np.errstate(all="raise"):
        assert PAIR.cdf([-1e300, 1e300]).tolist() == [0.0, 1.0]


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    k = draw(st.integers(1, 6))
    spread = draw(st.sampled_from([0.1, 1.0, 1e3, 1e9]))
    offset = draw(st.sampled_from([0.0, 1.0, -1e6]))
    scale = draw(st.sampled_from([1e-100, 1.0, 1e100]))
    means = rng.normal(0, spread, k) + offset
    return Mixture.univariate(rng.dirichlet(np.ones(k)), means * scale,
                              np.exp(rng.uniform(-4, 2, k)) * scale)


@given(mixtures(), st.one_of(
    st.floats(1e-300, 1 - 2**-53), st.floats(0.001, 0.999), st.sampled_from([2.0**-53, 0.5]),
))
def test_a_quantile_is_where_the_cdf_crosses(mixture, p):
    """To the last bit of x: one double below it P is less, at one above no less, but for rounding
    of P itself; exact in either tail."""
    x = float(mixture.quantile(p))
    below, above = np.nextafter(x, -np.inf), np.nextafter(x, np.inf)
    tolerance = mpmath.mpf(4e-15)
    if p <= 0.5:
        low, high = (exact_tail(mixture, v, upper=False) for v in (below, above))
        wanted = mpmath.mpf(p)
    else:
        high, low = (exact_tail(mixture, v, upper=True) for v in (below, above))
        wanted = 1 - mpmath.mpf(p)
    # In the far tail a relative error of P near 1e-14 is more than a double of x.
    slack = wanted * tolerance * (1 + abs(mpmath.log(wanted)))
    assert low - slack <= wanted <= high + slack


def test_quantiles_of_one_component_are_the_normals():
    m, p = Mixture.univariate([1.0], [10.0], [2.0]), [1e-20, 0.025, 0.5, 0.975, 1 - 1e-12]
    with mpmath.workdps(50):
        exact = [float(10 + 2 * mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(v) - 1)) for v in p]
    np.testing.assert_allclose(m.quantile(p), exact, rtol=1e-14)


def test_quantiles_in_a_gap_and_at_the_ends():
    """Half of the probability far to either side: the median is anywhere between, and finite."""
    m = Mixture.univariate([0.5, 0.5], [-1e6, 1e6], [1.0, 1.0])
    assert -1e6 < m.quantile(0.5) < 1e6
    assert m.quantile([0.0, 1.0]).tolist() == [-np.inf, np.inf]
    assert float(m.quantile(0.25)) == pytest.approx(-1e6, abs=1e-9)
    assert m.quantile([[0.1, 0.2, 0.3]]).shape == (1, 3) and m.quantile(0.3).shape == ()
    weightless = Mixture.univariate([0.0, 1.0], [-1e9, 0.0], [1.0, 1.0])
    assert float(weightless.quantile(1e-9)) == pytest.approx(-5.997807015, abs=1e-8)


def test_quantiles_rise_with_the_probability():
    p = np.sort(np.random.default_rng(0).uniform(size=2000))
    assert (np.diff(PAIR.quantile(p)) >= 0).all()


@pytest.mark.parametrize("p", [-1e-9, 1.1, np.nan, [0.5, 2.0]])
def test_what_is_no_probability(p):
    with pytest.raises(ParameterError, match="from 0 to 1"):
        PAIR.quantile(p)


@pytest.mark.parametrize("sd", [1e-100, 1e-3, 1.0, 7.0, 1e100])
def test_the_entropy_of_one_component(sd):
    m = Mixture.univariate([1.0], [3e4 * sd], [sd])
    assert m.entropy() == pytest.approx(0.5 * math.log(2 * math.pi * math.e) + math.log(sd),
                                        abs=1e-9)


def test_the_entropy_of_components_far_apart_adds_that_of_the_label():
    w, sds = np.array([0.2, 0.5, 0.3]), np.array([1e-3, 1.0, 20.0])
    m = Mixture.univariate(w, [-1e4, 0.0, 1e5], sds)
    wanted = 0.5 * math.log(2 * math.pi * math.e) + w @ np.log(sds) - w @ np.log(w)
    assert m.entropy() == pytest.approx(wanted, abs=1e-9)
    same = Mixture.univariate([0.2, 0.0, 0.8], [1.0, 55.0, 1.0], [2.0, 1e-9, 2.0])
    assert same.entropy() == pytest.approx(0.5 * math.log(2 * math.pi * math.e * 4), abs=1e-9)


@pytest.mark.parametrize("mixture", [
    PAIR, Mixture.univariate([0.01, 0.99], [0.0, 0.3], [1e-4, 1.0]),
    Mixture.univariate([0.5, 0.5], [0.0, 8.0], [1.0, 0.02]),
])
def test_the_entropy_is_the_integral(mixture):
    with mpmath.workdps(20):
        parts = list(zip(mixture.weights.tolist(), mixture.means[:, 0].tolist(),
                         mixture.sds.tolist(), strict=True))

        def f(x):
            return mpmath.fsum(
                w * mpmath.exp(-(((x - m) / s) ** 2) / 2) / s for w, m, s in parts
            ) / mpmath.sqrt(2 * mpmath.pi)

        edges = sorted({m + c * s for _, m, s in parts for c in (-15, -5, -2, 0, 2, 5, 15)})
        exact = -mpmath.quad(lambda x: f(x) * mpmath.log(f(x)), edges)
    assert mixture.entropy() == pytest.approx(float(exact), abs=1e-9)


def test_more_columns_have_none_of_these():
    flat = Mixture([1.0], [[0.0, 0.0]], [np.eye(2)])
    for ask in (lambda: flat.cdf(np.zeros((1, 2))), lambda: flat.quantile(0.5)):
        with pytest.raises(ParameterError, match="one column"):
            ask()
