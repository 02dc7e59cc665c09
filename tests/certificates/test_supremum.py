"""The supremum of Σ b φ(t − u): never below what is found, and hardly above."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from lenient import lenient

from emix.certificates.lumps import Lumps, half_width
from emix.certificates.supremum import HALF_WIDTH, Cells, Taylor, supremum

places = st.lists(st.floats(-60, 60), min_size=1, max_size=30, unique=True)


@lenient
def direct(nodes: Any, masses: Any, u: Any) -> Any:
    return np.exp(-0.5 * (nodes - np.asarray(u)[:, None]) ** 2) @ masses / math.sqrt(2 * math.pi)


def bound(nodes: Any, masses: Any, **given: Any) -> float:
    nothing = np.zeros(len(nodes))
    return supremum(nodes, masses, given.get("remainders", nothing), given.get("margin", 0.0), 0.0,
                    1e-9)


@given(nodes=places, seed=st.integers(0, 2**32 - 1))
def test_nothing_exceeds_it_and_something_reaches_it(nodes: list[float], seed: int) -> None:
    t = np.sort(nodes)
    b = np.random.default_rng(seed).exponential(1.0, len(t)) ** 3
    most = bound(t, b)
    u = np.concatenate([t, np.linspace(t[0] - 1, t[-1] + 1, 2001)])
    u = np.concatenate([u, u[direct(t, b, u).argmax()] + np.linspace(-0.1, 0.1, 2001)])
    found = direct(t, b, u).max()
    assert found <= most <= found * (1 + 1e-6)


def test_one_mass_is_its_own_supremum() -> None:
    exact = mpmath.mpf(1) / mpmath.sqrt(2 * mpmath.pi)
    for place in (0.0, 1e6, -1e9):
        most = bound(np.array([place]), np.ones(1))
        assert exact <= mpmath.mpf(most) <= exact * (1 + mpmath.mpf("1e-9"))


def test_two_masses_against_fifty_digits() -> None:
    """At distance 2 the maximum is in the middle, flat to fourth order."""
    with mpmath.workdps(50):
        exact = 2 * mpmath.npdf(1)
    most = bound(np.array([-1.0, 1.0]), np.ones(2))
    assert exact <= mpmath.mpf(most) <= exact * (1 + mpmath.mpf("2e-9"))


@given(nodes=places, margin=st.sampled_from([0.0, 0.03]))
def test_cells_cover_all_that_is_near_a_mass(nodes: list[float], margin: float) -> None:
    t = np.sort(nodes)
    cells = Cells.cover(t, margin)
    assert (cells.halves <= HALF_WIDTH * (1 + 2.0**-19)).all()
    inside = np.clip((t[:, None] + np.linspace(-2, 2, 41)).ravel(), t[0], t[-1])
    inside = np.concatenate([inside, [t[0] - margin, t[-1] + margin]])
    low, high = cells.centres - cells.halves, cells.centres + cells.halves
    at = np.searchsorted(low, inside, side="right") - 1
    assert (inside <= high[at]).all()


def test_taylor_polynomials_are_exact_to_rounding() -> None:
    rng = np.random.default_rng(2)
    t, b = np.sort(rng.normal(0, 4, 200)), rng.exponential(1.0, 200)
    cells = Cells.cover(t)
    values = Taylor.of(t, b, cells).values(8)
    u = cells.centres[:, None] + cells.halves[:, None] * np.linspace(-1, 1, 9)
    np.testing.assert_allclose(values.ravel(), direct(t, b, u.ravel()), rtol=1e-11)


def test_what_binning_loses_is_within_what_is_said() -> None:
    rng = np.random.default_rng(3)
    z, b = rng.standard_t(3, 20_000), rng.exponential(1.0, 20_000)
    for half in (2.0**-5, 2.0**-3, 2.0**-1):
        nodes = Lumps.of(z, b, half).nodes()
        u = np.linspace(-6, 6, 101)
        truth, lumped = direct(z, b, u), direct(nodes.z, nodes.masses, u)
        lost = np.abs(truth - lumped).max()
        assert 0 < lost <= nodes.remainders.sum()
        assert lost < half**4 * b.sum()
        assert len(nodes.z) < 20_000 and (np.diff(nodes.z) >= 0).all()
        most = supremum(nodes.z, nodes.masses, nodes.remainders, nodes.margin, 0.0, 1e-9)
        assert truth.max() <= most


@given(seed=st.integers(0, 2**32 - 1), half=st.sampled_from([0.0, 0.25]))
def test_lumps_are_a_monoid(seed: int, half: float) -> None:
    rng = np.random.default_rng(seed)
    z, b = np.round(rng.normal(0, 2, 30), 1), rng.exponential(1.0, 30) * (rng.random(30) > 0.2)
    whole = Lumps.of(z, b, half)
    cut = int(rng.integers(0, 31))
    parts = Lumps.of(z[:cut], b[:cut], half) + Lumps.of(z[cut:], b[cut:], half)
    again = Lumps.zero(half) + parts
    for one in (parts, again):
        np.testing.assert_array_equal(one.keys, whole.keys)
        np.testing.assert_array_equal(one.counts, whole.counts)
        np.testing.assert_allclose(one.sums, whole.sums, atol=1e-12)
    assert whole.counts.sum() == (b > 0).sum()


def test_bins_are_narrower_the_more_rows_there_are() -> None:
    assert half_width(4096, 1e9) == 0.0
    widths = [half_width(10_000, w) for w in (1.0, 1e4, 1e6, 1e8)]
    assert widths == sorted(widths, reverse=True) and widths[2] == 2.0**-8
