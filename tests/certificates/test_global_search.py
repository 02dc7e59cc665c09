"""Branch and bound, and the concavity it ends with: bounds hold, and only the best is proven."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenient import multiply

import emix
from emix.certificates.concavity import Interval, Peak
from emix.certificates.global_search import Boxes, Search
from emix.errors import ParameterError


def per_row(z: Any, shares: Any, means: Any, weights: Any) -> float:
    means = np.asarray(means, dtype=float)
    mixture = emix.Mixture.univariate(weights, means, np.ones(len(means)))
    return float(shares @ mixture.logpdf(z))


def search(z: Any, shares: Any, k: int) -> Search:
    nothing = np.zeros(k)
    return Search(z, shares, -np.inf, nothing, nothing, 0.0, 0.0)


@settings(max_examples=40)
@given(
    z=st.lists(st.floats(-15, 15, width=32), min_size=1, max_size=30, unique=True),
    k=st.integers(1, 3), seed=st.integers(0, 2**32 - 1), width=st.floats(0, 3),
)
def test_no_mixture_with_means_in_a_box_exceeds_its_bound(
    z: list[float], k: int, seed: int, width: float
) -> None:
    rng = np.random.default_rng(seed)
    points = np.sort(z).astype(float)
    shares = rng.dirichlet(np.ones(len(points)))
    low = np.sort(rng.uniform(-15, 15, (1, k)))
    high = low + multiply(width, rng.random((1, k)))
    boxes = Boxes(low, high, np.full((1, k), 1 / k), np.full(1, np.inf))
    left = search(points, shares, k)._bounded(boxes, -np.inf)
    best = -np.inf
    for _ in range(20):
        means = rng.uniform(boxes.low, boxes.high)[0]
        weights = rng.dirichlet(np.full(k, 0.5))
        best = max(best, per_row(points, shares, means, weights))
    assert left.bounds[0] >= best
    halves = search(points, shares, k)._split(left)
    for part in range(len(halves)):
        inner = search(points, shares, k)._bounded(halves.chosen(np.array([part])), -np.inf)
        assert inner.bounds[0] <= left.bounds[0]


@pytest.mark.parametrize("k", [2, 3])
def test_no_ascending_means_are_lost_where_boxes_are_split(k: int) -> None:
    rng = np.random.default_rng(k)
    whole = Boxes(np.full((1, k), -4.0), np.full((1, k), 4.0), np.full((1, k), 1 / k),
                  np.full(1, np.inf))
    halver, boxes = search(np.array([-4.0, 4.0]), np.full(2, 0.5), k), whole
    for _ in range(5):
        boxes = halver._split(boxes)
    means = np.sort(rng.uniform(-4, 4, (500, k)), axis=1)[:, None]
    within = ((boxes.low <= means) & (means <= boxes.high)).all(axis=2)
    assert within.any(axis=1).all()
    # And of those in which none ascend hardly any is looked at.
    assert len(boxes) < 2**5


def test_bounds_are_of_second_order_in_the_width() -> None:
    x = np.sort(np.random.default_rng(0).normal(0, 1.6, 100))
    shares = np.full(100, 0.01)
    lost = []
    for width in (0.4, 0.2, 0.1):
        box = Boxes(np.array([[-1.0, 1.0]]), np.array([[-1.0, 1.0]]) + width,
                    np.full((1, 2), 0.5), np.full(1, np.inf))
        bound = search(x, shares, 2)._bounded(box, -np.inf).bounds[0]
        grid = np.linspace(0, width, 21)
        lost.append(bound - max(
            per_row(x, shares, [-1 + a, 1 + b], [p, 1 - p])
            for a in grid[::4] for b in grid[::4] for p in np.linspace(0.3, 0.7, 41)
        ))
    assert lost[0] > 2.5 * lost[1] > 6 * lost[2] > 0


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_near_a_peak_exceeds_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 4))
    truth = np.cumsum(rng.uniform(2, 5, k))
    x = np.concatenate([rng.normal(m, 1, int(rng.integers(20, 60))) for m in truth])
    start = emix.Mixture.univariate(np.full(k, 1 / k), truth, np.ones(k))
    fit = emix.fit(x, k, sds=1.0, start=start, max_iter=20000)
    z, counts = np.unique(x, return_counts=True)
    shares = counts / len(x)
    means, weights = fit.mixture.means[:, 0], fit.mixture.weights
    halves, excess = Peak(z, shares, means, weights).reach(float(np.ptp(z)))
    if not halves.all():
        return
    assert excess < 1e-12
    top = per_row(z, shares, means, weights)
    for _ in range(30):
        near = means + rng.uniform(-1, 1, k) * halves
        # The best weights for these means, by EM.
        own = rng.dirichlet(np.ones(k))
        densities = np.exp(-0.5 * (z[:, None] - near) ** 2)
        for _ in range(200):
            own = own * ((shares / (densities @ own)) @ densities)
        assert per_row(z, shares, near, own / own.sum()) <= top + excess + 1e-12


def test_weights_that_are_not_the_best_prove_nothing_closer_than_they_are() -> None:
    """Unless the best weights are known to be within, second derivatives there bound nothing."""
    rng = np.random.default_rng(2)
    z = np.sort(np.concatenate([rng.normal(-2, 1, 60), rng.normal(2, 1, 40)]))
    shares, none = np.full(100, 0.01), np.zeros(2)
    fit = emix.fit(z, 2, sds=1.0)
    means, best = fit.mixture.means[:, 0], fit.mixture.weights
    off = Peak(z, shares, means, best + np.array([0.002, -0.002]))
    at_peak = -off._hessian(*off._responsibilities(none, none)).middle
    distance = 0.002 * math.sqrt(at_peak[0, 0])
    for share in (0.3, 0.5, 1.0, 1.9):
        assert off._excess(at_peak, none, share * distance) == math.inf
    assert 0 < off._excess(at_peak, none, 3 * distance) < 1e-3


def test_second_derivatives_are_those_of_differences() -> None:
    rng = np.random.default_rng(4)
    z, shares = np.sort(rng.normal(0, 3, 40)), rng.dirichlet(np.ones(40))
    means, weights = np.array([-2.0, 0.5, 3.0]), np.array([0.3, 0.5, 0.2])
    peak = Peak(z, shares, means, weights)
    around = peak._responsibilities(np.zeros(3), np.zeros(3))

    def at(theta: Any) -> float:
        w = np.append(theta[:2], 1 - theta[:2].sum())
        return float(shares @ np.log(np.exp(-0.5 * (z[:, None] - theta[2:]) ** 2) @ w))

    theta, step = np.concatenate([weights[:2], means]), 1e-4 * np.eye(5)
    slopes = [(at(theta + e) - at(theta - e)) / 2e-4 for e in step]
    np.testing.assert_allclose(peak._gradient(*around).middle, slopes, atol=1e-7)
    bends = [[(at(theta + e + f) - at(theta + e - f) - at(theta - e + f) + at(theta - e - f)) / 4e-8
              for e in step] for f in step]
    np.testing.assert_allclose(peak._hessian(*around).middle, bends, atol=1e-5)
    wide = peak._hessian(*peak._responsibilities(np.full(3, 0.05), np.full(3, 0.01)))
    for _ in range(50):
        other = rng.uniform(-0.01, 0.01, 3)
        other[2] = -other[:2].sum() / 2
        other[:2] /= 2
        moved = Peak(z, shares, means + rng.uniform(-0.05, 0.05, 3), weights + other)
        own = moved._hessian(*moved._responsibilities(np.zeros(3), np.zeros(3))).middle
        assert (wide.low <= own).all() and (own <= wide.high).all()


def test_intervals_hold_their_products() -> None:
    a = Interval(np.array([-1.0, 2.0]), np.array([3.0, 4.0]))
    b = Interval(np.array([-2.0, -5.0]), np.array([1.0, 0.5]))
    assert (a * b).low.tolist() == [-6.0, -20.0] and (a * b).high.tolist() == [3.0, 2.0]
    assert a.squared().low.tolist() == [0.0, 4.0] and (a - b).high.tolist() == [5.0, 9.0]


COLUMNS = [("faithful", "waiting", 1), ("faithful", "waiting", 2), ("acidity", None, 2),
           ("galaxies", "velocity", 3)]


@pytest.mark.parametrize(("name", "of", "k"), COLUMNS)
def test_the_global_optimum_is_proven(name: str, of: str | None, k: int) -> None:
    data = emix.datasets.load(name)
    x = data[of or data.columns[0]]
    sd = {("waiting", 1): 13.57, ("waiting", 2): 5.8691, (None, 2): 0.43171,
          ("velocity", 3): 2.0701}[(of, k)]
    fit = emix.fit(x, k, sds=sd)
    found = emix.certify(x, fit, prove_global=True, time_limit=60)
    proof = found.global_proof
    assert proof is not None and proof.proven and proof.gap <= 2e-6
    assert fit.loglik <= proof.upper <= found.bound
    assert proof.loglik == pytest.approx(fit.loglik, abs=1e-8)
    assert "Global optimum proven" in found.report()


def test_a_worse_optimum_is_not_called_the_best() -> None:
    x = np.array([0, 0.3, 0.6, 10, 10.2, 10.4, 10.5, 20, 20.5, 20.6, 30, 30.3, 30.7, 30.8, 30.9])
    start = emix.Mixture.univariate(np.full(3, 1 / 3), [0.3, 14.6, 30.5], np.ones(3))
    poor, good = emix.fit(x, 3, sds=1.0, start=start), emix.fit(x, 3, sds=1.0)
    assert good.loglik > poor.loglik + 1
    found = emix.certify(x, poor, prove_global=True)
    assert found.global_proof is not None and found.global_proof.proven
    assert found.global_proof.loglik == pytest.approx(good.loglik, abs=1e-8)
    assert "It is not the fit" in found.report()
    # Told that the poor one is the best known, the search must not prove it.
    shares, means = np.full(len(x), 1 / len(x)), poor.mixture.means[:, 0]
    halves, excess = Peak(x, shares, means, poor.mixture.weights).reach(20.0)
    known = poor.loglik / len(x)
    outcome = Search(x, shares, known, means, halves, excess, 1e-8).run(1.0)
    assert outcome.upper > good.loglik / len(x) - 1e-9


def test_time_runs_out_and_the_gap_so_far_is_told() -> None:
    waiting = emix.datasets.load("faithful")["waiting"]
    found = emix.certify(waiting, emix.fit(waiting, 2, sds=5.87), prove_global=True, time_limit=0)
    proof = found.global_proof
    assert proof is not None and not proof.proven and 0 < proof.gap <= found.gap + 1e-9
    assert "not proven: the time limit was reached" in found.report()
    assert proof.to_dict()["reason"] == proof.reason


def test_weights_count_in_the_proof() -> None:
    x = np.array([0.0, 0.5, 4.0, 5.0, 9.0])
    weight = np.array([3.0, 2.0, 4.0, 1.0, 0.0])
    weighted = emix.certify(x, emix.fit(x, 2, sds=1.0, sample_weight=weight), sample_weight=weight,
                            prove_global=True).global_proof
    repeated = np.repeat(x, weight.astype(int))
    once = emix.certify(repeated, emix.fit(repeated, 2, sds=1.0), prove_global=True).global_proof
    assert weighted is not None and once is not None and weighted.proven and once.proven
    assert weighted.upper == pytest.approx(once.upper, abs=1e-7)


def test_what_cannot_be_proven() -> None:
    waiting = emix.datasets.load("faithful")["waiting"]
    for fit, reason in (
        (emix.fit(waiting, 2), "for one σ"),
        (emix.fit(waiting, 4, sds=6.0, n_starts=1, tol=1e-2), "k up to 3"),
        (emix.fit(waiting, 2, sds=6.0, weights="equal"), "holds some"),
    ):
        with pytest.raises(ParameterError, match=reason):
            emix.certify(waiting, fit, prove_global=True)
    one = emix.fit(waiting, 1, sds=6.0)
    for limit in (-1.0, math.nan, "long", True):
        with pytest.raises(ParameterError, match="time_limit"):
            emix.certify(waiting, one, prove_global=True, time_limit=limit)  # type: ignore[arg-type]
