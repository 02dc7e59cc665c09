"""What is held, what is empty, and what is on the floor, for every structure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from members import (
    FLOOR,
    expected_loglik,
    in_form,
    maximised,
    member,
    orthogonal,
    scattered,
    slope,
    spheres,
)

from emix.covariance import ONE_COLUMN, STRUCTURES, Dense, Diagonal, Isotropic

SEEDS = st.integers(0, 2**32)
every = pytest.mark.parametrize("name", STRUCTURES)
one_column = pytest.mark.parametrize("rule", [ONE_COLUMN["E"], ONE_COLUMN["V"]], ids=["E", "V"])
few = settings(max_examples=8)


@pytest.mark.parametrize("name", ["VII", "VVI", "VVV"])
def test_held_components_keep_their_bits(name):
    rng, rule = np.random.default_rng(5), STRUCTURES[name]
    scatter, weight = scattered(rng, 3, 2)
    # Held below the floor is held all the same.
    old = {"VII": Isotropic(np.array([0.1, 1 / 3, 1e-30]), 2),
           "VVI": Diagonal(np.array([[0.1, 0.2], [1 / 3, 3.0], [1e-30, 1.0]])),
           "VVV": Dense(np.array([[[0.1, 0], [0.7, 0.2]], np.eye(2), np.eye(2) * 1e-30]))}[name]
    learned = np.array([False, True, False])
    form = in_form(scatter, rule.scatter_form)
    new = rule.maximise(old, form, weight, learned, FLOOR)
    everything = maximised(name, old, scatter, weight)
    np.testing.assert_array_equal(new.factors[[0, 2]], old.factors[[0, 2]])
    np.testing.assert_array_equal(new.factors[1], everything.factors[1])
    slopes = rule.gradient(new, form, weight, learned, FLOOR)
    assert len(slopes) == rule.n_parameters(1, 2) and np.abs(slopes).max() < 1e-12


@every
def test_a_component_of_no_points_keeps_what_is_its_own(name):
    rng = np.random.default_rng(11)
    scatter, weight = scattered(rng, 3, 3)
    old = STRUCTURES[name].conform(Dense.from_matrices(member(name, rng, 3, 3)), np.ones(3))
    weight[1], scatter[1] = 0.0, 0.0
    new = maximised(name, old, scatter, weight)
    rest = maximised(name, old.reordered(np.array([0, 2])), scatter[[0, 2]], weight[[0, 2]])
    np.testing.assert_allclose(new.dense()[[0, 2]], rest.dense(), rtol=1e-9, atol=1e-12)
    assert np.abs(slope(name, new, scatter, weight)).max() <= 1e-12 * weight.sum()
    was, now = old.dense()[1], new.dense()[1]
    if STRUCTURES[name].is_separate:
        np.testing.assert_array_equal(now, was)
    if name[0] == "V":
        np.testing.assert_allclose(np.linalg.det(now), np.linalg.det(was), rtol=1e-9)
    if name[1] == "V" and name[2] != "E":
        np.testing.assert_allclose(now / np.linalg.det(now) ** (1 / 3),
                                   was / np.linalg.det(was) ** (1 / 3), rtol=1e-9, atol=1e-12)
    if name[2] == "V":
        assert np.abs(now @ was - was @ now).max() < 1e-9 * np.abs(now).max() * np.abs(was).max()
    nothing = maximised(name, old, np.zeros_like(scatter), np.zeros(3))
    assert nothing is old


@every
@few
@given(SEEDS, st.sampled_from(["a point", "a line", "a column", "nothing"]))
def test_singular_scatter_ends_on_the_floor_with_finite_numbers(name, seed, kind):
    rng = np.random.default_rng(seed)
    scatter, weight = scattered(rng, 3, 3)
    if kind == "a point":
        scatter[1] = 0.0
    elif kind == "a line":
        way = rng.normal(size=3)
        scatter[1] = np.outer(way, way) * weight[1]
    elif kind == "a column":
        scatter[:, 2] = scatter[:, :, 2] = 0.0
    else:
        scatter[:] = 0.0
    old = maximised(name, spheres(3, 3), scatter, weight)
    new = maximised(name, old, scatter, weight)
    for one in (old, new):
        factors = one.factors
        assert np.isfinite(factors).all() and np.isfinite(one.log_determinants).all()
        assert (np.diagonal(factors, axis1=1, axis2=2) >= FLOOR * (1 - 1e-9)).all()
        assert np.isfinite(slope(name, one, scatter, weight)).all()
    # Singular matrices are named where the family does not even them out among components.
    on_floor = new.at_floor(FLOOR)
    if kind == "nothing":
        assert on_floor.all()
    if kind == "a point" and name[0] == "V":
        assert on_floor.tolist() == [False, True, False]
    if kind == "a line" and name in ("EVV", "VVV"):
        assert on_floor.tolist() == [False, True, False]
    if kind == "a column" and name[1] != "I":
        assert on_floor.any()


@every
@few
@given(SEEDS)
def test_on_the_floor_is_stationary(name, seed):
    """A component on one point: what would shrink on is not counted, and the rest is solved."""
    rng = np.random.default_rng(seed)
    scatter, weight = scattered(rng, 3, 2)
    scatter[0] = 0.0
    new = maximised(name, spheres(3, 2), scatter, weight)
    for _ in range(3):
        new = maximised(name, new, scatter, weight)
    assert np.abs(slope(name, new, scatter, weight)).max() <= 1e-9 * weight.sum()


@every
@few
@given(SEEDS, st.integers(2, 4))
def test_scatter_of_condition_1e10(name, seed, d):
    rng = np.random.default_rng(seed)
    weight = rng.uniform(5, 30, 3)
    values = np.geomspace(1e-10, 1.0, d)
    scatter = np.stack([(q * values * n) @ q.T for q, n in
                        ((orthogonal(rng, d), n) for n in weight)])
    scatter = (scatter + np.swapaxes(scatter, 1, 2)) / 2
    new = maximised(name, spheres(3, d), scatter, weight)
    best = expected_loglik(new.dense(), scatter, weight)
    again = maximised(name, new, scatter, weight)
    # Rounding of the scatter is 1e-16 of its largest eigenvalue, 1e-6 of its smallest.
    assert expected_loglik(again.dense(), scatter, weight) >= best - 1e-5 * weight.sum()
    assert np.abs(slope(name, again, scatter, weight)).max() <= 1e-5 * weight.sum()
    if name in ("EEV", "VEV", "VVV", "EVV"):
        for one, n, s in zip(new.dense(), weight, scatter, strict=True):
            np.testing.assert_allclose(one, s / n, rtol=1e-5, atol=1e-11)


def test_a_floored_pivot_leaves_the_rest_of_the_matrix():
    """Two columns that are one: the matrix differs from the scatter by 2⁻⁴⁰ of it."""
    root = np.array([[1.0, 0, 0], [2.0, 0, 0], [0.3, 0, 1.0]])
    scatter = root @ root.T
    new = maximised("VVV", spheres(1, 3), scatter[None], np.ones(1))
    np.testing.assert_allclose(new.dense()[0], scatter, rtol=1e-11)
    assert new.factors[0, 1, 1] == 2.0 * 2.0**-20
    assert new.at_floor(FLOOR).tolist() == [True]


# One column


@one_column
@given(SEEDS, st.integers(1, 3), st.integers(1, 4))
def test_spheres_maximise_the_expected_loglik(rule, seed, d, k):
    rng = np.random.default_rng(seed)
    scatter, weight = rng.uniform(0.1, 50, k), rng.uniform(0.1, 20, k)
    new = rule.maximise(Isotropic(np.ones(k), d), scatter, weight, np.ones(k, dtype=bool), 0.0)

    def loglik(sds):
        return float((-weight * d * np.log(sds) - scatter / (2 * sds**2)).sum())

    for j in range(k):
        for factor in (1 - 1e-4, 1 + 1e-4, 0.5, 2.0):
            moved = np.where(rule.is_common | (np.arange(k) == j), new.sds * factor, new.sds)
            assert loglik(moved) < loglik(new.sds)


@one_column
def test_no_standard_deviation_falls_below_the_floor(rule):
    old, learned = Isotropic(np.array([1.0, 1.0])), np.ones(2, dtype=bool)
    new = rule.maximise(old, np.array([0.0, 1e-30]), np.array([3.0, 5.0]), learned, 1e-9)
    assert new.sds.tolist() == [1e-9, 1e-9]
    with np.errstate(all="raise"):
        free = rule.maximise(old, np.array([0.0, 8.0]), np.array([3.0, 5.0]), learned, 1e-9)
    wanted = [1.0, 1.0] if rule.is_common else [1e-9, np.sqrt(1.6)]
    np.testing.assert_allclose(free.sds, wanted)


@one_column
def test_components_without_points_keep_their_spread(rule):
    old, learned = Isotropic(np.array([0.3, 0.3])), np.ones(2, dtype=bool)
    new = rule.maximise(old, np.array([0.0, 8.0]), np.array([0.0, 2.0]), learned, 1e-9)
    assert new.sds.tolist() == ([2.0, 2.0] if rule.is_common else [0.3, 2.0])
    nothing = rule.maximise(old, np.zeros(2), np.zeros(2), learned, 1e-9)
    assert nothing.sds.tolist() == [0.3, 0.3]


@one_column
def test_the_gradient_of_spheres_and_their_floor(rule):
    sds, learned = np.array([0.5, 2.0]), np.ones(2, dtype=bool)
    if rule.is_common:
        sds[:] = 0.5
    scatter, weight = np.array([1.0, 3.0]), np.array([2.0, 7.0])
    excess = scatter / sds**2 - weight
    wanted = [excess.sum()] if rule.is_common else excess.tolist()
    found = rule.gradient(Isotropic(sds), scatter, weight, learned, 0.0)
    assert found.tolist() == wanted
    blocked = rule.gradient(Isotropic(sds), scatter, weight, learned, 2.0)
    assert blocked.tolist() == [max(value, 0.0) for value in wanted]
    only = rule.gradient(Isotropic(sds), scatter, weight, np.array([False, True]), 0.0)
    assert only.tolist() == wanted[-1:]
