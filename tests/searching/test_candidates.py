"""Candidates: which is better, and which are one."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emix import Mixture, Outcome
from emix.climbing.climb import Climb
from emix.searching.candidates import SAME, Candidate, beats, distinct, rank
from emix.soundness.degenerate import LEAST_WORTH

ANY = Mixture.univariate([1.0], [0.0], [1.0])
SOUND, DEGENERATE = 5.0, LEAST_WORTH - 1e-9


def candidate(objective: float, worth: float = SOUND, gradient: float = 1e-10,
              starts: int = 1) -> Candidate:
    climb = Climb(ANY, objective, objective, gradient, 3, Outcome.CONVERGED, np.zeros(4))
    return Candidate(climb, worth, starts)


def objectives(found: list[Candidate]) -> list[float]:
    return [c.climb.objective for c in found]


def test_sound_is_worth_no_less_than_the_least():
    assert candidate(0.0, LEAST_WORTH).is_sound and candidate(0.0, np.inf).is_sound
    assert not candidate(0.0, DEGENERATE).is_sound and not candidate(0.0, -np.inf).is_sound


def test_sound_ones_rank_above_others_and_then_the_higher():
    some = [candidate(9.0, DEGENERATE), candidate(1.0), candidate(3.0), candidate(99.0, -np.inf)]
    ranked = sorted(some, key=rank, reverse=True)
    assert objectives(ranked) == [3.0, 1.0, 99.0, 9.0]


def test_what_beats_what():
    assert beats(candidate(0.0), candidate(9.0, DEGENERATE), 0.5)
    assert not beats(candidate(9.0, DEGENERATE), candidate(0.0), 0.5)
    assert beats(candidate(1.6), candidate(1.0), 0.5)
    assert not beats(candidate(1.4), candidate(1.0), 0.5)
    assert not beats(candidate(1.0), candidate(1.0), 0.0)
    assert beats(candidate(1.6, DEGENERATE), candidate(1.0, DEGENERATE), 0.5)


def test_those_of_one_summit_are_one_with_all_their_starts():
    total = 100.0
    slack = SAME * total
    some = [candidate(1.0, gradient=1e-6), candidate(1.0 + 0.9 * slack, gradient=1e-4, starts=2),
            candidate(1.0 - 0.05 * slack, gradient=1e-9, starts=4), candidate(1.0 - 3 * slack)]
    found = distinct(some, total)
    assert [c.starts for c in found] == [7, 1]
    # The nearest to stationary stands for them.
    assert found[0].climb.gradient == 1e-9
    assert distinct(some, 1e9)[0].starts == 8 and len(distinct(some, 0.0)) == 4


def test_a_sound_and_a_degenerate_one_are_never_one():
    found = distinct([candidate(1.0), candidate(1.0, DEGENERATE)], 1e6)
    assert [c.is_sound for c in found] == [True, False]


def test_nothing_is_distinct_from_nothing():
    assert distinct([], 5.0) == []


@given(st.lists(st.tuples(st.floats(-10, 10), st.booleans(), st.integers(1, 5)), max_size=12))
def test_no_start_is_lost_and_the_best_are_first(some):
    made = [candidate(o, SOUND if sound else DEGENERATE, starts=s) for o, sound, s in some]
    found = distinct(made, 1e6)
    assert sum(c.starts for c in found) == sum(s for *_, s in some)
    flags = [c.is_sound for c in found]
    assert flags == sorted(flags, reverse=True)
    for before, after in itertools.pairwise(found):
        gap = before.climb.objective - after.climb.objective
        assert before.is_sound != after.is_sound or gap >= -SAME * 1e6
    assert {c.is_sound for c in found} == {sound for _, sound, _ in some}
