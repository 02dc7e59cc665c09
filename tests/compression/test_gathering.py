"""Passes that count: native and portable to the same bins, the same bits for any threads, streams
in one pass whose range nobody knew."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emix.arrays import Block
from emix.compression import Bins, Grid, gather, gather_stream, gathering
from emix.errors import DataError
from emix.kernels import NATIVE
from emix.sources.array import ArraySource

needs_native = pytest.mark.skipif(NATIVE is None, reason="native kernel not built")

GRID = Grid.of_components(np.array([0.0, 0.5, 100.0]), np.array([1.0, 0.001, 3.0]), 16)


def sample(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.concatenate([
        rng.normal(0, 1, n // 2), rng.normal(0.5, 0.001, n // 4), rng.normal(100, 3, n // 8),
        rng.standard_cauchy(n // 16) * 10.0 ** rng.uniform(0, 9, n // 16), rng.integers(-9, 9, n),
    ])[:n]
    rng.shuffle(x)
    return x


def same(a: Bins, b: Bins, rtol: float = 1e-12) -> None:
    np.testing.assert_array_equal(a.index, b.index)
    np.testing.assert_array_equal(a.exponent, b.exponent)
    np.testing.assert_allclose(a.sums, b.sums, rtol=rtol, atol=1e-12)


@needs_native
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [1, 7, 513, 300_000])
def test_the_native_pass_counts_what_the_portable_one_does(monkeypatch, n, weighted, dtype):
    x = sample(n).astype(dtype)
    w = np.random.default_rng(1).choice([0.0, 1.0, 2.5], n) if weighted else None
    source = ArraySource.of(x, w)
    native = gather(source, GRID, -12.0, 130.0)
    monkeypatch.setattr(gathering, "NATIVE", None)
    same(native, gather(source, GRID, -12.0, 130.0))
    assert native.weight == pytest.approx(n if w is None else w.sum())


@needs_native
@given(st.floats(-50, 50), st.floats(0, 100))
def test_it_does_not_matter_what_most_data_is_said_to_lie_between(low, beyond):
    source = ArraySource.of(sample(2000))
    same(gather(source, GRID, low, low + beyond), gather(source, GRID, -12.0, 130.0))


def test_the_same_bits_whatever_the_threads():
    source = ArraySource.of(sample(400_000))
    one = gather(source, GRID, -12.0, 130.0, 1)
    for threads in (2, 3, 8):
        assert gather(source, GRID, -12.0, 130.0, threads).sums.tobytes() == one.sums.tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(DataError, match="not finite"):
        gather(ArraySource.of([1.0, bad, 2.0]), GRID, -12.0, 130.0)


def blocks(x: np.ndarray, size: int) -> list[Block]:
    return [Block(x[at:at + size, None]) for at in range(0, len(x), size)]


@pytest.mark.parametrize("most", [1, 50, 3000])
def test_a_stream_ends_in_the_same_bins_however_it_comes(most):
    x = sample(20_000)
    whole = gather_stream([Block(x[:, None])], most)
    assert len(whole) <= max(most, 2)
    assert whole.weight == len(x)
    assert len(set(whole.exponent.tolist())) == 1
    for size in (1000, 1777, 19_999):
        same(gather_stream(blocks(x, size), most), whole)
    # Two machines, or two files.
    apart = gather_stream(blocks(x[:7000], 999), most) + gather_stream(blocks(x[7000:], 999), most)
    same(apart.fitting(most), whole)


def test_bins_of_a_stream_are_the_narrowest_that_are_enough():
    x = sample(20_000)
    whole = gather_stream([Block(x[:, None])], 3000)
    narrower = Bins.of(x, None, int(whole.exponent[0]) - 1)
    assert len(whole) <= 3000 < len(narrower)


def test_a_stream_whose_range_grows_by_twelve_decades():
    # As narrow as 64 bins allow: 33 and the one at 0.
    x = np.concatenate([np.linspace(0, 1e-3, 500), np.linspace(1e9, 1e9 + 1, 500)])
    whole = gather_stream(blocks(x, 10), 64)
    same(whole, gather_stream([Block(x[::-1, None])], 64))
    assert whole.exponent.tolist() == [-5] * 34
    assert gather_stream([], 64) is Bins.zero()


def test_weighted_streams_and_ties():
    x = np.repeat([1.0, 2.0, 2.5], 1000)
    w = np.tile([0.0, 1.0, 0.5], 1000)
    found = gather_stream([Block(x[:, None], w)], 10)
    mean, variance, _ = found.moments()
    np.testing.assert_allclose(found.sums[:, 0], [w[:1000].sum(), w[1000:2000].sum(),
                                                  w[2000:].sum()])
    np.testing.assert_array_equal(variance, 0)
    np.testing.assert_array_equal(found.lower + mean * np.ldexp(1.0, found.exponent),
                                  [1.0, 2.0, 2.5])


def test_no_memory_as_long_as_the_data():
    n = 1 << 21
    x = np.random.default_rng(0).standard_normal(n)
    x[::100] *= 1e4
    source = ArraySource.of(x)
    tracemalloc.start()
    gather(source, Grid.of_components(np.zeros(1), np.ones(1), 64), -10.0, 10.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Rows outside are a hundredth here; arrays of 32768 rows and of those are made, no more.
    assert peak < n * 8 / 2
