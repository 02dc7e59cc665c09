"""Rows scored by the components in their lists: native against portable, and both against exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emix import Mixture
from emix.arrays import Block, Units
from emix.kernels import NATIVE, PORTABLE
from emix.model import Model
from emix.vicinity import Vicinity

KERNELS = [PORTABLE] if NATIVE is None else [PORTABLE, NATIVE]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
needs_native = pytest.mark.skipif(NATIVE is None, reason="native kernel not built")
STRUCTURES = ("VII", "VVI", "EEI", "EEE", "VVV", "VVE")


def mixture_of(rng, k, d, structure, apart=2.0):
    roots = rng.normal(size=(k, d, d)) / np.sqrt(d) + np.eye(d)
    covariances = roots @ np.swapaxes(roots, 1, 2) + 0.1 * np.eye(d)
    start = Mixture(rng.dirichlet(np.full(k, 3.0)), rng.normal(0, apart, (k, d)), covariances)
    model = Model.parse(k, d, structure)
    return model.conforming(start), model.structure.scatter_form


def full_lists(lead, k):
    return Vicinity.of_keys(lead, np.arange(k * k), k)


def some_lists(rng, lead, k):
    keys = np.flatnonzero(rng.random(k * k) < 0.5)
    return Vicinity.of_keys(lead, np.union1d(keys, np.arange(k) * (k + 1)), k)


def assert_same(one, other, scale):
    for name in ("weight", "shift", "scatter"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9,
                                   atol=1e-11 * scale)
    assert one.loglik == pytest.approx(other.loglik, rel=1e-12)
    assert one.total == pytest.approx(other.total, rel=1e-13) and one.count == other.count


@every_kernel
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("d", [2, 3, 8, 9])
def test_with_everything_in_every_list_it_is_the_e_step(kernel, structure, d):
    rng = np.random.default_rng(d)
    k, n = 7, 700
    mixture, form = mixture_of(rng, k, d, structure)
    x, w = rng.normal(0, 2, (n, d)), rng.integers(0, 3, n).astype(float)
    units = Units(rng.normal(size=d), np.full(d, 0.5))
    lead = rng.integers(0, k, n).astype(np.int32)
    for block in (Block(x), Block(x, w), Block(x.astype(np.float32), w)):
        for inward in (None, units):
            exact = kernel.expect(mixture, block, form, inward)
            near, leads, share = kernel.expect_near(mixture, block, form, full_lists(lead, k),
                                                    inward)
            assert_same(near, exact, n)
            seen = block.points if inward is None else inward.inward(block.points)
            r = kernel.responsibilities(mixture, seen)
            counted = w > 0 if block.sample_weight is not None else np.ones(n, bool)
            np.testing.assert_array_equal(leads[counted], r.argmax(axis=1)[counted])
            weight = np.ones(n) if block.sample_weight is None else w
            sums = np.stack([(weight * (lead == c)) @ r for c in range(k)])
            np.testing.assert_allclose(share.reshape(k, k), sums, atol=1e-9)


@needs_native
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("d", [2, 5, 12])
def test_native_and_portable_agree_on_any_lists(structure, d):
    rng = np.random.default_rng(100 + d)
    k, n = 40 if structure != "VVE" else 8, 1500
    mixture, form = mixture_of(rng, k, d, structure)
    block = Block(rng.normal(0, 2, (n, d)), rng.uniform(0.1, 2, n))
    vicinity = some_lists(rng, rng.integers(0, k - 3, n).astype(np.int32), k)
    one, lead, share = NATIVE.expect_near(mixture, block, form, vicinity)
    other, lead_too, share_too = PORTABLE.expect_near(mixture, block, form, vicinity)
    assert_same(one, other, n)
    np.testing.assert_array_equal(lead, lead_too)
    np.testing.assert_allclose(share, share_too, rtol=1e-9, atol=1e-12)


@needs_native
def test_the_same_bits_on_any_number_of_threads():
    rng = np.random.default_rng(3)
    k, d, n = 60, 6, 20_000
    for structure in ("VVV", "EEE", "VVI"):
        mixture, form = mixture_of(rng, k, d, structure)
        block = Block(rng.normal(0, 2, (n, d)), rng.uniform(0, 2, n))
        vicinity = some_lists(rng, rng.integers(0, k, n).astype(np.int32), k)
        rows = np.arange(0, n, 3)
        runs = []
        for threads in (1, 2, 3, 8):
            s, lead, share = NATIVE.expect_near(mixture, block, form, vicinity, None, threads)
            found = NATIVE.survey(mixture, block, rows, 1e-6, vicinity, None, threads)
            runs.append((s.weight, s.shift, s.scatter, s.loglik, s.total, lead, share, found.row,
                         found.component, found.responsibility))
        for run in runs[1:]:
            assert all(np.array_equal(a, b) for a, b in zip(runs[0], run, strict=True))


@every_kernel
def test_a_survey_tells_what_lists_lack(kernel):
    rng = np.random.default_rng(4)
    k, d, n = 30, 4, 400
    mixture, _ = mixture_of(rng, k, d, "VVV")
    block = Block(rng.normal(0, 2, (n, d)))
    rows = rng.permutation(n)[:150]
    r = kernel.responsibilities(mixture, block.points[rows])
    vicinity = some_lists(rng, rng.integers(0, k, n).astype(np.int32), k)
    for lists in (None, vicinity):
        found = kernel.survey(mixture, block, rows, 1e-4, lists)
        expected = np.where(r > 1e-4, r, 0.0)
        if lists is not None:
            for i, c in enumerate(lists.lead[rows]):
                expected[i, lists.near_of(c)] = 0.0
        told = np.zeros_like(r)
        told[found.row, found.component] = found.responsibility
        np.testing.assert_allclose(told, expected, atol=1e-12)
        assert (np.diff(found.row // 64) >= 0).all()


@every_kernel
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), apart=st.floats(0.0, 6.0),
       far=st.sampled_from([0.0, 1e3, 1e160]))
def test_what_is_lacking_is_what_the_others_would_bring(kernel, seed, apart, far):
    rng = np.random.default_rng(seed)
    k, d, n = 12, 3, 60
    mixture, form = mixture_of(rng, k, d, "VVV", apart)
    x, w = rng.normal(0, 2, (n, d)), rng.uniform(0.5, 2, n)
    x[0] += far
    r = kernel.responsibilities(mixture, x)
    vicinity = some_lists(rng, r.argmax(axis=1).astype(np.int32), k)
    exact = kernel.expect(mixture, Block(x, w), form)
    near, _, share = kernel.expect_near(mixture, Block(x, w), form, vicinity)
    kept = np.array([r[i, vicinity.near_of(c)].sum() for i, c in enumerate(vicinity.lead)])
    assert np.isfinite(share).all() and share.sum() == pytest.approx(w.sum(), rel=1e-12)
    if np.isfinite(exact.loglik):
        assert near.loglik <= exact.loglik + 1e-9 * abs(exact.loglik)
        assert near.loglik == pytest.approx(exact.loglik + w @ np.log(kept), rel=1e-9, abs=1e-9)
    else:
        assert near.loglik == exact.loglik


def test_seeds_are_drawn_in_proportion_and_alike():
    rng = np.random.default_rng(5)
    points, weight = rng.normal(size=(5000, 3)), rng.uniform(0, 1, 5000)
    weight[::2] = 0.0
    uniforms = rng.random(50)
    runs = [kernel.seeds(points, weight, uniforms) for kernel in KERNELS]
    assert all(np.array_equal(runs[0], run) for run in runs)
    assert len(set(runs[0].tolist())) == 50 and (weight[runs[0]] > 0).all()


@needs_native
def test_lists_that_make_no_sense_are_refused():
    rng = np.random.default_rng(6)
    mixture, form = mixture_of(rng, 3, 2, "VVV")
    block = Block(rng.normal(size=(10, 2)))
    lead = np.zeros(10, np.int32)
    good = full_lists(lead, 3)
    for bad in (Vicinity(lead + 3, good.begin, good.near),
                Vicinity(lead[:9], good.begin, good.near),
                Vicinity(lead, good.begin[::-1].copy(), good.near),
                Vicinity(lead, good.begin, good.near + 1),
                Vicinity(lead, np.array([0, 0, 1, 9]), good.near)):
        with pytest.raises(ValueError, match=r"lead|begin|near"):
            NATIVE.expect_near(mixture, block, form, bad)
    with pytest.raises(ValueError, match="row"):
        NATIVE.survey(mixture, block, np.array([10]), 1e-3)
