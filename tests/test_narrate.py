"""The sentence about a step says what the numbers say."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emix
from emix.em import Step
from emix.narrate import Doubt, most_unsure, narrate


def climb(x: Any, start: emix.Mixture, n: int, **model: Any) -> list[Step]:
    return list(itertools.islice(emix.steps(x, start, **model), n + 1))


def is_one_sentence(text: str) -> bool:
    return text[0].isupper() and text.endswith(".") and ". " not in text and "\n" not in text


start = emix.Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])


def test_it_names_who_moved_how_far_and_what_was_gained() -> None:
    first, second = climb([3.0, 4.5], start, 1)
    text = narrate(first, second, most_unsure(second.mixture, np.array([3.0, 4.5])))
    assert is_one_sentence(text)
    # Component 1 went from 2 to 3.082 with σ 1, and narrowed from 1 to 0.341.
    for said in ("Component 1 moved most, up by 1.08 (1.08 of its σ)", "1 to 0.341", "1.96",
                 "rose", "3 (row 1)", "94%"):
        assert said in text


def test_a_widening_component_is_said_to_widen() -> None:
    narrow = emix.Mixture.univariate([0.5, 0.5], [54.0, 80.0], [1.0, 6.0])
    first, second = climb(emix.datasets.load("faithful")["waiting"], narrow, 1)
    assert "widened from σ 1 to" in narrate(first, second)


def test_nothing_moves_any_more_at_the_maximum() -> None:
    x = emix.datasets.load("faithful")["waiting"]
    first, second = climb(x, emix.fit(x, 2).mixture, 1)
    text = narrate(first, second)
    assert text.startswith("Nothing moves any more") and is_one_sentence(text)


def test_a_collapse_is_named_before_anything_else() -> None:
    told = [narrate(a, b) for a, b in itertools.pairwise(climb([3.0, 4.5], start, 8))]
    assert any("collapsing onto the single value 3" in text for text in told)
    assert "no width" in told[-1] and "Component 1" in told[-1]
    assert all(map(is_one_sentence, told))


def test_a_narrow_start_is_no_collapse() -> None:
    x = np.random.default_rng(1).normal(0, 1, 200)
    thin = emix.Mixture.univariate([0.5, 0.5], [-1.0, 1.0], [1e-3, 1.0])
    told = [narrate(a, b) for a, b in itertools.pairwise(climb(x, thin, 5, sds=[1e-3, np.nan]))]
    assert not any("collaps" in text or "no width" in text for text in told)


def test_a_fall_is_not_passed_over() -> None:
    first, second = climb([3.0, 4.5], start, 1, sds=1.0)
    worse = dataclasses.replace(second, objective=first.objective - 1, loglik=first.loglik - 1)
    text = narrate(first, worse)
    assert "fell by 1" in text and is_one_sentence(text)


def test_what_is_no_number_is_not_said_to_rise() -> None:
    first, second = climb([3.0, 4.5], start, 1)
    for value in (np.nan, -np.inf, np.inf):
        text = narrate(first, dataclasses.replace(second, objective=value, loglik=value))
        assert "finite" in text and "rose" not in text and is_one_sentence(text)


def test_with_a_prior_it_is_the_posterior_that_rises() -> None:
    first, second = climb([3.0, 4.5], start, 1, sds=1.0, prior=emix.NormalPrior(0.0, 5.0))
    assert "log-posterior rose" in narrate(first, second)


def test_weights_are_spoken_of_where_all_else_is_held() -> None:
    first, second = climb([3.0, 4.5, 4.6], start, 1, sds=1.0, means=[2.0, 5.0])
    text = narrate(first, second)
    assert "weight 0.5 to" in text and is_one_sentence(text)


def test_one_component_is_not_the_most_of_anything() -> None:
    one = emix.Mixture.univariate([1.0], [0.0], [1.0])
    first, second = climb([3.0, 4.5], one, 1)
    text = narrate(first, second, most_unsure(second.mixture, np.array([3.0, 4.5])))
    assert "moved, up by 3.75" in text and "unsure" not in text


def test_doubt() -> None:
    first, second = climb([3.0, 4.5], start, 1, sds=1.0)
    certain = Doubt(0, 3.0, np.array([1.0, 0.0]))
    assert "no point is in doubt" in narrate(first, second, certain)
    halved = Doubt(4, 3.25, np.array([0.1, 0.5, 0.4]))
    text = narrate(first, second, halved)
    assert "3.25 (row 5), 50% with component 2 and 40% with component 3" in text
    points = np.array([2.0, 3.4, 5.0])
    unsure = most_unsure(start, points)
    assert (unsure.row, unsure.value) == (1, 3.4)
    assert np.array_equal(unsure.responsibilities, start.responsibilities(points)[1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-400, 400).map(lambda i: i / 4), min_size=2, max_size=12),
    st.lists(st.tuples(st.floats(-100, 100), st.floats(0.1, 50)), min_size=1, max_size=4),
    st.sampled_from(["V", "E"]),
)
def test_it_is_always_one_sentence_and_never_a_fall(
    x: list[float], components: list[tuple[float, float]], covariance: str
) -> None:
    k = len(components)
    means, sds = zip(*components, strict=True)
    begin = emix.Mixture.univariate([1 / k] * k, means, sds)
    for before, after in itertools.pairwise(climb(x, begin, 6, covariance=covariance)):
        text = narrate(before, after, most_unsure(after.mixture, np.array(x)))
        assert is_one_sentence(text)
        assert "please report" not in text


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**40])
def test_the_units_of_the_data_do_not_matter(scale: float) -> None:
    x = np.random.default_rng(3).normal(0, 2, 50)

    def told(unit: float) -> list[list[str]]:
        begin = emix.Mixture.univariate([0.5, 0.5], [-unit, unit], [unit, unit])
        steps = climb(x * unit, begin, 3)
        return [[word for word in narrate(a, b).split() if word.isalpha()]
                for a, b in itertools.pairwise(steps)]

    assert told(scale) == told(1.0)
