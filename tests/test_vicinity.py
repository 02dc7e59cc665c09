"""Lists of components: what is dropped, what is put in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emix.vicinity import (
    Surveyed,
    Vicinity,
    first_lists,
    missed,
    renewed,
    spread,
    taken_along,
    widened,
)


def lists(rng, k, share=0.5, n=100):
    keys = np.flatnonzero(rng.random(k * k) < share)
    lead = rng.integers(0, k, n).astype(np.int32)
    return Vicinity.of_keys(lead, np.union1d(keys, np.arange(k) * (k + 1)), k)


def test_keys_are_lists():
    v = Vicinity.of_keys(np.zeros(4, np.int32), np.array([0, 2, 4, 6, 7, 8]), 3)
    assert [v.near_of(c).tolist() for c in range(3)] == [[0, 2], [1], [0, 1, 2]]
    assert v.keys.tolist() == [0, 2, 4, 6, 7, 8] and v.owner.tolist() == [0, 0, 1, 2, 2, 2]


def test_the_first_lists_look_both_ways():
    found = Surveyed(np.array([0, 0, 1], np.int32), np.array([1, 2, 2], np.int32),
                     np.array([0.9, 0.1, 1.0]))
    v = first_lists(found, np.array([1, 2], np.int32), np.zeros(5, np.int32), 4)
    assert [v.near_of(c).tolist() for c in range(4)] == [[0], [1, 2], [1, 2], [3]]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), bound=st.floats(1e-8, 0.3))
def test_what_is_dropped_is_within_bounds(seed, bound):
    rng = np.random.default_rng(seed)
    v = lists(rng, 25)
    share = 10.0 ** rng.uniform(-12, 0, len(v.near))
    empty = rng.random(25) < 0.2
    share[empty[v.owner]] = 0.0
    new = renewed(v, v.lead, share, bound)
    kept = np.isin(v.keys, new.keys)
    assert np.isin(new.keys, v.keys).all()
    totals = np.bincount(v.owner, share, 25)
    dropped = np.bincount(v.owner, np.where(kept, 0.0, share), 25)
    assert (dropped <= bound * totals * (1 + 1e-12)).all()
    assert kept[(v.near == v.owner) | empty[v.owner]].all()
    # Whatever stays of a list is no smaller than what was dropped of it.
    for c in range(25):
        mine, own = v.owner == c, v.near == c
        if (mine & ~kept).any() and (mine & kept & ~own).any():
            assert share[mine & kept & ~own].min() >= share[mine & ~kept].max()


def test_what_is_missing_is_put_in_both_ways_and_handed_on():
    rng = np.random.default_rng(0)
    v = lists(rng, 12, 0.2)
    keys = np.setdiff1d(np.arange(144), v.keys)[::9]
    more = spread(v, keys, 3, rng)
    assert len(more) == 5 * len(keys)
    one, back, beside = more[:len(keys)], more[len(keys):2 * len(keys)], more[2 * len(keys):]
    np.testing.assert_array_equal(one, keys)
    np.testing.assert_array_equal(back, keys % 12 * 12 + keys // 12)
    assert (beside.reshape(-1, 3) % 12 == keys[:, None] % 12).all()
    assert all(np.isin(row // 12, v.near_of(key // 12)).all()
               for row, key in zip(beside.reshape(-1, 3), keys, strict=True))
    wide = widened(v, more)
    np.testing.assert_array_equal(wide.keys, np.union1d(v.keys, more))
    assert wide.lead is v.lead


def test_what_hardly_matters_is_not_missed():
    v = lists(np.random.default_rng(1), 5, 0.0)
    leads = np.array([0, 0, 3], np.int32)
    found = Surveyed(np.array([0, 1, 1, 2], np.int32), np.array([1, 1, 2, 4], np.int32),
                     np.array([0.2, 0.1, 1e-9, 0.5]))
    keys, left_out = missed(v, found, leads, np.ones(len(leads)), 1e-6)
    assert keys.tolist() == [1, 19]
    np.testing.assert_allclose(left_out, [0.2, 0.1 + 1e-9, 0.5])


def test_of_too_much_that_is_missed_the_worst_comes_first():
    k = 40
    v = lists(np.random.default_rng(2), k, 0.0)
    rng = np.random.default_rng(3)
    component = rng.integers(1, k, 4000).astype(np.int32)
    found = Surveyed(np.repeat(np.arange(200), 20).astype(np.int32), component,
                     component.astype(float) * 1e-3)
    leads = np.repeat(np.arange(10), 20).astype(np.int32)
    keys, _ = missed(v, found, leads, np.ones(len(leads)), 1e-6)
    assert 0 < len(keys) <= 4 * k and (keys % k).min() > 10


@pytest.mark.parametrize("size", [1.0, 1e-30, 1e30])
def test_rows_that_leave_a_list_take_its_heaviest_entries_along(size):
    k = 12
    v = lists(np.random.default_rng(4), k, 0.9, n=20)
    share = size * np.random.default_rng(5).random(len(v.near))
    lead = v.lead.copy()
    assert len(taken_along(v, lead, share)) == 0
    row = 3
    old = int(v.lead[row])
    lead[row] = new = (old + 5) % k
    keys = taken_along(v, lead, share)
    # One row that goes takes the whole list, where that is not half of all entries.
    assert set(keys // k) == {new}
    assert set(keys % k) == set(v.near_of(old).tolist())
    # Many take less each, the heaviest first.
    apart = ((v.lead + 1 + np.arange(len(lead)) % (k - 1)) % k).astype(np.int32)
    keys = taken_along(v, apart, share)
    ways = np.unique(apart.astype(np.int64) * k + v.lead)
    each = int(0.5 * len(v.near)) // len(ways)
    assert 0 < each < len(v.near) // k and len(keys) == each * len(ways)
    for way, taken in zip(ways, keys.reshape(len(ways), each), strict=True):
        c = way % k
        heaviest = v.near_of(c)[np.argsort(-share[v.begin[c]:v.begin[c + 1]])]
        np.testing.assert_array_equal(taken // k, way // k)
        assert set(taken % k) == set(heaviest[:each])
    # What is more, or less, than single precision knows is sorted as well.
    for beyond in (0.0, 1e-300, 1e300):
        assert len(taken_along(v, apart, np.full(len(v.near), beyond))) == each * len(ways)
