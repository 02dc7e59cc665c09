"""Bins are a monoid: exactly so in which bins there are, to a rounding in their sums."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emix.compression import Bins
from emix.errors import DataError

# Where points lie: near each other, tied, far out, on both sides of 0.
NUMBERS = st.one_of(
    st.integers(-20, 20).map(float),
    st.floats(-8, 8).map(lambda x: x + 0.0),
    st.floats(-1e9, 1e9).map(lambda x: x + 0.0),
    st.sampled_from([1e8 + 0.25, 1e8 + 0.5, -1e300, 1e-300]),
)
POINTS = st.lists(NUMBERS, min_size=0, max_size=40).map(np.array)
EXPONENTS = st.integers(-12, 6)


def same(a: Bins, b: Bins) -> None:
    assert a.index.tolist() == b.index.tolist()
    assert a.exponent.tolist() == b.exponent.tolist()
    np.testing.assert_allclose(a.sums, b.sums, rtol=1e-13, atol=1e-13)


def bins(x: np.ndarray, exponent: int) -> Bins:
    return Bins.of(np.asarray(x, float), None, exponent)


@given(POINTS, POINTS, POINTS, EXPONENTS, EXPONENTS, EXPONENTS)
def test_merging_has_an_identity_and_neither_order_nor_grouping_matters(x, y, z, e, f, g):
    a, b, c = bins(x, e), bins(y, f), bins(z, g)
    same(a + Bins.zero(), a)
    same(Bins.zero() + a, a)
    same(a + b, b + a)
    same((a + b) + c, a + (b + c))


@given(POINTS, st.lists(st.integers(0, 40), max_size=3), EXPONENTS)
def test_one_width_is_the_same_however_the_points_are_divided(x, cuts, exponent):
    total = Bins.zero()
    for part in np.split(x, sorted(min(cut, len(x)) for cut in cuts)):
        total += bins(part, exponent)
    same(total, bins(x, exponent))


@given(POINTS, POINTS, EXPONENTS, st.integers(0, 9))
def test_a_wider_bin_takes_narrower_ones_in_as_if_it_had_counted_them(x, y, exponent, wider):
    # Everywhere a wide bin, so that none of the narrow ones is left.
    everywhere = bins(np.concatenate([x, y]), exponent + wider)
    narrow = bins(y, exponent)
    same(narrow.coarsened(exponent + wider), bins(y, exponent + wider))
    if len(everywhere):
        assert (everywhere + narrow).index.tolist() == everywhere.index.tolist()
        np.testing.assert_allclose((everywhere + narrow).weight, len(x) + 2 * len(y))


@given(POINTS, EXPONENTS)
def test_widened_bins_are_those_of_twice_the_width(x, exponent):
    same(bins(x, exponent).widened(), bins(x, exponent + 1))


@given(POINTS, st.lists(st.integers(0, 40), max_size=3), st.integers(1, 12))
def test_what_fits_does_not_depend_on_how_points_were_divided(x, cuts, most):
    finest = -60

    def gathered(part: np.ndarray) -> Bins:
        return bins(part, finest).fitting(most)

    x = x[np.abs(x) < 1e200]
    total = Bins.zero()
    for part in np.split(x, sorted(min(cut, len(x)) for cut in cuts)):
        total = (total + gathered(part)).fitting(most)
    same(total, gathered(x))
    assert len(total) <= max(most, 2)


def test_narrowest_bins_that_fit():
    x = np.arange(64.0)
    assert bins(x, -4).fitting(64).exponent.tolist() == [-4] * 64
    assert bins(x, -4).fitting(63).exponent.tolist() == [1] * 32
    assert bins(x, -4).fitting(5).exponent.tolist() == [4] * 4


@settings(max_examples=50)
@given(st.lists(NUMBERS.filter(lambda x: abs(x) < 1e200), min_size=1, max_size=12), EXPONENTS)
def test_sums_are_those_of_exact_arithmetic(x, exponent):
    found = bins(np.array(x), exponent)
    width = Fraction(2) ** exponent
    expected: dict[int, list[Fraction]] = {}
    for value in x:
        place = Fraction(value) / width
        index = place.numerator // place.denominator
        sums = expected.setdefault(index, [Fraction(0)] * 4)
        for p in range(4):
            sums[p] += (place - index) ** p
    assert [int(i) for i in found.index] == sorted(expected)
    for sums, index in zip(found.sums, sorted(expected), strict=True):
        np.testing.assert_allclose(sums, [float(s) for s in expected[index]], rtol=1e-14)


def test_weights_count_as_repetition_and_rows_without_are_not_there():
    x, w = np.array([0.25, 1.5, 1.75, 9.0]), np.array([2.0, 1.0, 3.0, 0.0])
    same(Bins.of(x, w, 0), bins(np.repeat(x, w.astype(int)), 0))
    assert Bins.of(x, w, 0).weight == 6


def test_an_offset_costs_no_digits():
    x = np.random.default_rng(0).integers(0, 1 << 20, 1000) / (1 << 20)
    near, far = bins(x, -4), bins(x + 1e8, -4)
    # 1e8 leaves 26 bits for what is beyond it, and those are all there.
    np.testing.assert_array_equal(far.sums, near.sums)


def test_one_value_has_no_variance():
    mean, variance, _ = bins(np.full(100_000, 0.1), -2).moments()
    assert variance.tolist() == [0.0]
    assert mean == pytest.approx([0.4], rel=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e305])
def test_what_has_no_place_is_refused(bad):
    with pytest.raises(DataError, match="not finite, or too large"):
        bins(np.array([1.0, bad]), -20)
