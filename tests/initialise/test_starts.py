"""Starts: valid for any column, the same for a seed, and blind to how repetition is written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emix import Mixture, ParameterError
from emix.arrays import Units
from emix.initialise import DETERMINISTIC, STARTS, Draws, SortedColumn, named
from emix.kernels import NATIVE
from emix.sources.array import ArraySource

AS_GIVEN = Units(np.zeros(1), np.ones(1))
every_start = pytest.mark.parametrize("kind", STARTS)
chancy = pytest.mark.parametrize("kind", [k for k in STARTS if k not in DETERMINISTIC])


def column_of(x, weight=None) -> SortedColumn:
    return SortedColumn.of(ArraySource.of(x, weight).block, AS_GIVEN)


def made(kind: str, x, k: int, seed: int = 0, stream: int = 0, weight=None) -> Mixture:
    return named(kind)(column_of(x, weight), k, Draws(seed, stream))


RNG = np.random.default_rng(1)
COLUMNS = {
    "plain": RNG.normal(size=50),
    "one value": np.zeros(9),
    "one row": [3.0],
    "two values": np.repeat([0.0, 1.0], 20),
    "ties": RNG.integers(0, 3, 40).astype(float),
    "outlier": np.append(RNG.normal(size=30), 1e6),
    "far": RNG.normal(size=20) * 1e-9 + 1.0,
    "skewed": np.exp(RNG.normal(0, 5, 40)),
}


@every_start
@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_every_start_is_a_mixture_of_k_components_within_the_data(kind, name, k):
    x = np.asarray(COLUMNS[name], dtype=float)
    for stream in range(3):
        m = made(kind, x, k, stream=stream)
        assert m.means.shape == (k, 1) and m.weights.shape == m.sds.shape == (k,)
        assert (m.weights > 0).all() and m.weights.sum() == pytest.approx(1, abs=1e-12)
        assert np.isfinite(m.sds).all() and (m.sds > 0).all()
        slack = 1e-12 * np.abs(x).max()
        assert (m.means >= x.min() - slack).all() and (m.means <= x.max() + slack).all()
        assert np.isfinite(m.logpdf(x)).all() or name == "outlier"


@every_start
def test_as_many_components_as_points(kind):
    x = np.array([0.0, 1.0, 3.0, 7.0])
    m = made(kind, x, 4)
    assert (m.sds > 0).all() and np.isfinite(m.logpdf(x)).all()
    if kind in ("kmeans", "quantiles"):
        np.testing.assert_array_equal(m.means[:, 0], x)


@every_start
def test_a_seed_and_a_stream_decide(kind):
    x = COLUMNS["plain"]
    assert made(kind, x, 3, seed=5, stream=2) == made(kind, x, 3, seed=5, stream=2)


@chancy
def test_streams_and_seeds_differ(kind):
    x = COLUMNS["plain"]
    several = [made(kind, x, 3, seed, stream) for seed in range(3) for stream in range(3)]
    assert sum(a == b for a in several for b in several) == len(several)


@pytest.mark.parametrize("kind", DETERMINISTIC)
def test_chance_has_no_part_in_these(kind):
    x = COLUMNS["plain"]
    assert made(kind, x, 3, seed=1, stream=1) == made(kind, x, 3, seed=2, stream=7)


@every_start
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_a_weight_is_repetition(kind, seed, k):
    rng = np.random.default_rng(seed)
    x, times = rng.normal(size=25), rng.integers(0, 4, 25)
    times[0] = 1
    weighted = made(kind, x, k, seed=seed, weight=times)
    repeated = made(kind, x.repeat(times), k, seed=seed)
    np.testing.assert_allclose(weighted.weights, repeated.weights, rtol=1e-12)
    np.testing.assert_allclose(weighted.means, repeated.means, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.sds, repeated.sds, rtol=1e-7, atol=1e-12)


def test_the_kinds_by_what_they_are():
    x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 30.0])
    clusters = made("kmeans", x, 3)
    np.testing.assert_allclose(clusters.means[:, 0], [1.0, 10.5, 30.0])
    np.testing.assert_allclose(clusters.sds[:2], [np.sqrt(2 / 3), 0.5])
    thirds = made("quantiles", x, 3)
    np.testing.assert_allclose(thirds.means[:, 0], [0.5, 6.0, 20.5])
    np.testing.assert_allclose(thirds.weights, 1 / 3)
    for stream in range(20):
        points = made("random", x, 3, stream=stream)
        assert set(points.means[:, 0]) <= set(x) and len(set(points.sds)) == 1
        assert 0.05 * x.std() <= points.sds[0] <= 0.7 * x.std()
        shared = made("responsibilities", x, 3, stream=stream)
        # Shared out at random, the whole keeps its moments.
        assert shared.mean == pytest.approx(x.mean()) and shared.variance == pytest.approx(x.var())
        assert (np.diff(shared.means[:, 0]) > 0).all()


def test_the_next_seed_of_plus_plus_is_far_from_the_first():
    """In proportion to squared distance: of a crowd and one far point, the far one, surely."""
    x = np.append(np.linspace(0, 1e-3, 99), 1e3)
    for stream in range(30):
        assert made("kmeans++", x, 2, stream=stream).means[1, 0] == 1e3


def test_plus_plus_draws_by_squared_distance():
    """Of 0, 1 and 3 the seeds are 0 and 1 (so that 3 joins 1) once in ten: a third of the times
    from 0, then 1 : 9, and a third from 1, then 1 : 4."""
    x = np.array([0.0, 1.0, 3.0])
    near = [made("kmeans++", x, 2, stream=s).means[1, 0] == 2.0 for s in range(3000)]
    assert np.mean(near) == pytest.approx(1 / 30 + 1 / 15, abs=0.02)


def test_random_responsibilities_are_even_over_all_divisions():
    """Of two components each point gives one an even share between 0 and 1, variance 1/12."""
    x = np.array([0.0, 1.0])
    weights = [made("responsibilities", x, 2, stream=s).weights[0] for s in range(4000)]
    squares = (np.array(weights) - 0.5) ** 2
    assert squares.mean() == pytest.approx(1 / 24, abs=0.003)


def test_random_points_are_drawn_by_weight():
    x, weight = np.array([0.0, 1.0, 2.0]), np.array([1.0, 7.0, 2.0])
    drawn = [made("random", x, 1, stream=s, weight=weight).means[0, 0] for s in range(3000)]
    shares = np.bincount(np.array(drawn, dtype=int)) / 3000
    np.testing.assert_allclose(shares, weight / 10, atol=0.035)


@pytest.mark.parametrize("kind", ["", "k-means", None, 3, ["kmeans"]])
def test_other_kinds_are_refused_with_those_there_are(kind):
    with pytest.raises(ParameterError, match=r"kmeans, quantiles, responsibilities"):
        named(kind)


# The numbers themselves


def test_draws_are_splitmix64():
    """Reference values: the published generator from state 1234567 gives these five."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423,
                 4593380528125082431, 16408922859458223821]
    draws = Draws(0, 0)
    draws._state = 1234567
    assert [draws.uniform() for _ in published] == [(v >> 11) * 2.0**-53 for v in published]


def test_draws_are_uniform_and_independent_between_streams():
    many = np.array([Draws(3, stream).uniforms(50) for stream in range(400)])
    assert (many >= 0).all() and (many < 1).all()
    assert many.mean() == pytest.approx(0.5, abs=0.01)
    assert many.var() == pytest.approx(1 / 12, abs=0.003)
    assert abs(np.corrcoef(many[:-1, 0], many[1:, 0])[0, 1]) < 0.15
    assert abs(np.corrcoef(many[:, 0], many[:, 1])[0, 1]) < 0.15
    assert len(np.unique(many)) == many.size
    assert {Draws(1, s).below(3) for s in range(50)} == {0, 1, 2}
    assert Draws(2**64 + 5, 1).uniform() == Draws(5, 1).uniform()


# The sorted column


def test_a_sorted_column_holds_distinct_points_and_their_weights():
    found = column_of([3.0, 1.0, 2.0, 1.0, 9.0], [1.0, 2.0, 0.5, 3.0, 0.0])
    assert found.points.tolist() == [1.0, 2.0, 3.0] and found.weight.tolist() == [5.0, 0.5, 1.0]
    x = np.array([1.0] * 5 + [2.0] * 1 + [3.0] * 1)
    w = np.array([1.0] * 5 + [0.5] + [1.0])
    mean = np.average(x, weights=w)
    assert found.sd == pytest.approx(np.sqrt(np.average((x - mean) ** 2, weights=w)), rel=1e-14)
    assert found.block.points.shape == (3, 1)


@pytest.mark.skipif(NATIVE is None, reason="native kernel not built")
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_a_column_sorted_natively_is_the_one_sorted_in_python(seed, weighted, single):
    from emix.initialise import column as module

    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 3000))
    x = rng.normal(size=n).round(int(rng.integers(0, 6))) + 0.0
    x = x.astype(np.float32) if single else x
    weight = rng.integers(0, 3, n) * rng.random(n) if weighted else None
    if weighted:
        weight[0] = 1.0
    units = Units(np.array([0.3]), np.array([4.0]))
    block = ArraySource.of(x, weight).block
    found = SortedColumn.of(block, units)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "NATIVE", None, raising=False)
        wanted = SortedColumn.of(block, units)
    np.testing.assert_array_equal(found.points, wanted.points)
    np.testing.assert_allclose(found.weight, wanted.weight, rtol=1e-14)
    assert found.sd == pytest.approx(wanted.sd, rel=1e-12)
