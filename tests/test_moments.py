"""The first look at data: moments to the last digits, and rows that cannot be used."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emix import DataError, moments
from emix.arrays import Block
from emix.kernels import NATIVE
from emix.moments import Moments, moments_of
from emix.sources.array import ArraySource


@pytest.fixture(params=["native", "portable"], autouse=True)
def kernel(request, monkeypatch):
    """Every test on both paths to the moments of a column."""
    if request.param == "portable":
        monkeypatch.setattr(moments, "NATIVE", None)
    elif NATIVE is None:
        pytest.skip("native kernel not built")


def exact(x, weight=None) -> tuple[Fraction, Fraction]:
    """Mean and scatter in rational arithmetic."""
    values = [Fraction(float(v)) for v in x]
    w = [Fraction(1)] * len(values) if weight is None else [Fraction(float(v)) for v in weight]
    mean = sum(a * b for a, b in zip(w, values, strict=True)) / sum(w)
    return mean, sum(a * (b - mean) ** 2 for a, b in zip(w, values, strict=True))


# NIST's NumAcc1–4: 3 or 1001 values with few digits that differ, far from zero.
NUMACC = {
    "NumAcc1": ([10000001, 10000003, 10000002], 15),
    "NumAcc2": ([1.2, *[1.1, 1.3] * 500], 14),
    "NumAcc3": ([1000000.2, *[1000000.1, 1000000.3] * 500], 13.5),
    "NumAcc4": ([10000000.2, *[10000000.1, 10000000.3] * 500], 13.5),
}


@pytest.mark.parametrize("name", NUMACC)
def test_nist_univariate_accuracy(name):
    x, digits = NUMACC[name]
    found = moments_of(ArraySource.of(x))
    mean, scatter = exact(x)
    assert found.mean[0] == pytest.approx(float(mean), rel=2.3e-16)
    # Of the doubles given, not of the decimals meant: those differ already in the 8th digit.
    assert found.scatter[0] == pytest.approx(float(scatter), rel=10**-digits)
    certified = math.sqrt(found.scatter[0] / (len(x) - 1))
    assert certified == pytest.approx(1.0 if name == "NumAcc1" else 0.1, rel=1e-8)


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9, -1e12, 2.0**52])
@pytest.mark.parametrize("n", [2, 5, 700, 5000])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_offset_costs_no_digits(offset, n, weighted):
    rng = np.random.default_rng(n)
    x = rng.normal(size=n) + offset
    w = rng.integers(0, 4, n) + rng.random(n) if weighted else None
    found = moments_of(ArraySource.of(x, w), threads=2)
    mean, scatter = exact(x, w)
    assert found.mean[0] == pytest.approx(float(mean), rel=2.3e-16, abs=1e-15)
    assert found.scatter[0] == pytest.approx(float(scatter), rel=1e-12)
    assert found.count == n
    assert found.weight == pytest.approx(n if w is None else w.sum(), rel=1e-14)
    assert (found.minimum[0], found.maximum[0]) == (x.min(), x.max())
    sd = math.sqrt(scatter / Fraction(found.weight))
    assert found.sd[0] == pytest.approx(sd, rel=1e-12)


def test_single_precision_is_summed_in_double():
    x = (np.random.default_rng(0).normal(size=3000) + 1e4).astype(np.float32)
    mean, scatter = exact(x)
    found = moments_of(ArraySource.of(x))
    assert found.mean[0] == pytest.approx(float(mean), rel=1e-15)
    assert found.scatter[0] == pytest.approx(float(scatter), rel=1e-12)


def test_rows_of_weight_zero_do_not_count_even_for_the_range():
    x, w = [-1e9, 1.0, 2.0, 1e300], [0.0, 1.0, 3.0, 0.0]
    found = moments_of(ArraySource.of(x, w))
    assert (found.count, found.weight, found.mean[0]) == (2, 4.0, 1.75)
    assert (found.minimum[0], found.maximum[0]) == (1.0, 2.0)
    assert found.scatter[0] == pytest.approx(0.75, rel=1e-15)


@given(st.integers(0, 2**32), st.sampled_from([0.0, 1e8]), st.integers(1, 3))
def test_parts_merged_are_the_whole(seed, offset, d):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    x, w = rng.normal(size=(n, d)) + offset, rng.integers(0, 3, n).astype(float)
    w[0] = 1.0
    cuts = np.sort(rng.integers(0, n + 1, 2))
    parts = []
    for start, stop in ((0, cuts[0]), (cuts[0], cuts[1]), (cuts[1], n)):
        block = Block(x[start:stop], w[start:stop])
        live = block.n_rows and block.sample_weight.any()
        parts.append(moments._portably(block) if live else Moments.zero(d))
    whole = moments_of(ArraySource(x, w))
    for merged in ((parts[0] + parts[1]) + parts[2], parts[0] + (parts[1] + parts[2]),
                   parts[2] + parts[0] + parts[1]):
        assert merged.count == whole.count and merged.weight == whole.weight
        np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-15, atol=1e-15)
        np.testing.assert_allclose(merged.scatter, whole.scatter, rtol=1e-12, atol=1e-14 * offset)
        np.testing.assert_array_equal(merged.minimum, whole.minimum)
        np.testing.assert_array_equal(merged.maximum, whole.maximum)


def test_every_column_has_its_own():
    x = np.random.default_rng(0).normal([1.0, 1e8, -5.0], [1.0, 1e-3, 1e6], (400, 3))
    found = moments_of(ArraySource.of(x))
    for j in range(3):
        mean, scatter = exact(x[:, j])
        assert found.mean[j] == pytest.approx(float(mean), rel=1e-15, abs=1e-9)
        assert found.scatter[j] == pytest.approx(float(scatter), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e200, 1e307])
def test_a_spread_that_has_no_square_is_still_about_right(scale):
    """It chooses the units, so a factor does no harm; 0 or infinity would."""
    x = np.array([-1.0, 0.0, 0.5, 1.0]) * scale
    found = moments_of(ArraySource.of(x)).sd[0]
    assert 0.5 * scale <= found <= 1.1 * scale


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 17, 4999])
def test_the_first_value_that_is_not_finite_is_named(bad, row):
    x = np.random.default_rng(0).normal(size=5000)
    x[row] = bad
    x[-1] = np.nan if row < 4999 else bad
    many = 1 if row == 4999 else 2
    with pytest.raises(DataError, match=rf"{bad} at row {row}, column 0 \({many} such"):
        moments_of(ArraySource.of(x))
    # Even where its weight is 0: it is not said to be missing.
    with pytest.raises(DataError, match=f"row {row}"):
        moments_of(ArraySource.of(x, np.where(np.isfinite(x), 1.0, 0.0)))


def test_the_column_is_named_too():
    x = np.ones((3, 4))
    x[2, 1] = np.nan
    with pytest.raises(DataError, match="row 2, column 1"):
        moments_of(ArraySource.of(x))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e-300])
def test_weights_are_finite_and_not_negative(bad):
    with pytest.raises(DataError, match=f"sample_weight holds {bad} at row 2"):
        moments_of(ArraySource.of([1.0, 2.0, 3.0], [1.0, 0.0, bad]))
    with pytest.raises(DataError, match="all sample weights are 0"):
        moments_of(ArraySource.of([1.0, 2.0], [0.0, 0.0]))
