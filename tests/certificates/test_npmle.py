"""The nonparametric maximum likelihood, against closed forms and slow but sure EM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenient import exp, lenient

from emix.certificates.concavity import Peak
from emix.certificates.npmle import Atoms, _Climb, maximise_mixing
from emix.certificates.quadratic import nonnegative_minimum, solved_positive


@lenient
def loglik(atoms: Atoms, z: Any, shares: Any) -> float:
    density = np.exp(-0.5 * (z[:, None] - atoms.places) ** 2) @ atoms.weights
    return float(shares @ np.log(density))


def test_points_near_each_other_have_one_atom_at_their_mean() -> None:
    """Two equal points no more than 2σ apart are best explained by one normal between them."""
    for apart in (0.0, 1.0, 1.99):
        z = np.unique([-apart / 2, apart / 2])
        atoms = maximise_mixing(z, np.full(len(z), 1 / len(z)), 2.0)
        assert len(atoms.places) == 1 and abs(atoms.places[0]) < 1e-6
    apart = maximise_mixing(np.array([-1.5, 1.5]), np.full(2, 0.5), 2.0)
    assert len(apart.places) == 2 and apart.places[1] < 1.5


def test_far_points_have_an_atom_each_with_their_own_weight() -> None:
    z, shares = np.array([0.0, 20.0, 1000.0]), np.array([0.2, 0.5, 0.3])
    atoms = maximise_mixing(z, shares, 10.0)
    np.testing.assert_allclose(atoms.places, z, atol=1e-6)
    np.testing.assert_allclose(atoms.weights, shares, atol=1e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_em_on_a_fine_grid_does_not_find_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z = np.sort(rng.normal(0, 3, int(rng.integers(2, 40))))
    shares = rng.dirichlet(np.ones(len(z)))
    atoms = maximise_mixing(z, shares, 100.0)
    grid = np.linspace(z[0], z[-1], 200)
    densities, weights = exp(-0.5 * (z[:, None] - grid) ** 2), np.full(200, 1 / 200)
    with np.errstate(under="ignore"):
        for _ in range(500):
            weights = weights * ((shares / (densities @ weights)) @ densities)
        best = float(shares @ np.log(densities @ weights))
    assert loglik(atoms, z, shares) >= best - 1e-5
    assert (np.diff(atoms.places) > 0).all() and abs(atoms.weights.sum() - 1) < 1e-12


def test_a_start_changes_nothing_but_the_way() -> None:
    rng = np.random.default_rng(6)
    z = np.sort(np.concatenate([rng.normal(0, 1.5, 60), rng.normal(30, 1.5, 60)]))
    shares = np.full(120, 1 / 120)
    anew = maximise_mixing(z, shares, 120.0)
    for start in (anew, Atoms(np.array([0.0, 29.0]), np.full(2, 0.5)),
                  Atoms(np.array([-50.0]), np.ones(1))):
        again = maximise_mixing(z, shares, 120.0, start)
        assert abs(loglik(again, z, shares) - loglik(anew, z, shares)) * 120 < 2e-3


def test_a_chain_of_many_atoms() -> None:
    """Neighbours overlap, none is far from the next: weights by a band, all atoms found."""
    z = np.sort(np.random.default_rng(7).uniform(0, 150, 300))
    atoms = maximise_mixing(z, np.full(300, 1 / 300), 300.0)
    assert 50 < len(atoms.places) < 120
    u = np.linspace(0, 150, 6001)
    with np.errstate(under="ignore"):
        masses = 1 / 300 / (np.exp(-0.5 * (z[:, None] - atoms.places) ** 2) @ atoms.weights)
        gradient = np.exp(-0.5 * (u[:, None] - z) ** 2) @ masses
    assert 300 * np.log(gradient.max()) < 2e-3


def test_derivatives_are_those_that_intervals_give() -> None:
    rng = np.random.default_rng(4)
    z, shares = np.sort(rng.normal(0, 3, 40)), rng.dirichlet(np.ones(40))
    places, weights = np.array([-2.0, 0.5, 3.0, 4.0]), np.array([0.3, 0.4, 0.1, 0.2])
    slope, hessian = _Climb(z, shares, 40.0)._derivatives(places, weights)
    peak = Peak(z, shares, places, weights)
    there = peak._responsibilities(np.zeros(4), np.zeros(4))
    np.testing.assert_allclose(slope, peak._gradient(*there).middle, atol=1e-12)
    np.testing.assert_allclose(hessian, peak._hessian(*there).middle, atol=1e-12)


@pytest.mark.parametrize(("size", "width"), [(5, 5), (60, 3), (60, 60)])
def test_positive_definite_systems(size: int, width: int) -> None:
    root = np.tril(np.random.default_rng(0).normal(size=(size, size)))
    root = np.triu(root, -width) + 5 * np.eye(size)
    matrix, x = root @ root.T, np.arange(size, dtype=float)
    np.testing.assert_allclose(solved_positive(matrix, matrix @ x, width), x, atol=1e-8)
    if size > 5:
        with pytest.raises(np.linalg.LinAlgError):
            solved_positive(-matrix, x, width)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 12))
def test_the_quadratic_minimum_meets_its_conditions(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size + 3, size))
    hessian, linear = root.T @ root, rng.normal(size=size)
    x = nonnegative_minimum(hessian, linear, rng.random(size) > 0.5)
    slope = hessian @ x - linear
    assert (x >= 0).all()
    np.testing.assert_allclose(slope[x > 0], 0, atol=1e-6)
    assert (slope >= -1e-6).all()
