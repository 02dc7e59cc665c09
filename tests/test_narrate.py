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
    certain = Doubt(0, np.array([3.0]), np.array([1.0, 0.0]))
    assert "no point is in doubt" in narrate(first, second, certain)
    halved = Doubt(4, np.array([3.25]), np.array([0.1, 0.5, 0.4]))
    text = narrate(first, second, halved)
    assert "3.25 (row 5), 50% with component 2 and 40% with component 3" in text
    points = np.array([2.0, 3.4, 5.0])
    unsure = most_unsure(start, points)
    assert (unsure.row, unsure.point.tolist()) == (1, [3.4])
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


# --- several columns

FAITHFUL = emix.datasets.load("faithful")
NAMES = FAITHFUL.columns
ROUND = np.diag([1.0, 100.0])


def mixture(means: Any, covariances: Any, weights: Any = (0.5, 0.5)) -> emix.Mixture:
    return emix.Mixture(weights, means, covariances)


def step(of: emix.Mixture, objective: float, x: Any = FAITHFUL.data) -> Step:
    found = climb(x, of, 0)[0]
    return dataclasses.replace(found, mixture=of, objective=objective, loglik=objective)


def told(before: emix.Mixture, after: emix.Mixture, **options: Any) -> str:
    return narrate(step(before, -5.0), step(after, -4.0), **options)


def test_in_columns_it_says_where_to_and_how_far() -> None:
    before = mixture([[0.0, 0.0], [5.0, 50.0]], [ROUND, ROUND])
    after = mixture([[0.3, -4.0], [5.0, 50.0]], [ROUND, ROUND])
    text = told(before, after, names=NAMES)
    # √(0.3² + (4/10)²) = 0.5
    assert text == ("Component 1 moved most, by 0.5 of its σ (waiting down by 4, eruptions up by "
                    "0.3), and the log-likelihood rose by 1.")
    assert "x2 down by 4, x1 up by 0.3" in told(before, after)


def test_how_far_is_by_the_shape_of_the_component() -> None:
    thin = [[[1.0, 0.99], [0.99, 1.0]]] * 2
    along = told(mixture([[0.0, 0.0], [9.0, 9.0]], thin), mixture([[0.1, 0.1], [9.0, 9.0]], thin))
    across = told(mixture([[0.0, 0.0], [9.0, 9.0]], thin),
                  mixture([[0.1, -0.1], [9.0, 9.0]], thin))
    assert "by 0.1 of its σ" in along and "by 1.41 of its σ" in across


def test_the_column_whose_width_changed_most_is_named() -> None:
    before = mixture([[0.0, 0.0], [5.0, 50.0]], [ROUND, ROUND])
    wider = np.diag([1.0, 144.0])
    assert "component 2 widened in waiting from σ 10 to 12" in told(
        before, mixture([[0.1, 0.0], [5.0, 50.0]], [ROUND, wider]), names=NAMES)
    assert ", it widened in waiting from σ 10 to 12" in told(
        before, mixture([[0.1, 0.0], [5.0, 50.0]], [wider, ROUND]), names=NAMES)
    text = told(before, mixture([[0.0, 0.0], [5.0, 50.0]], [np.diag([0.25, 100.0]), ROUND]))
    assert text.startswith("Component 1 narrowed in x1 from σ 1 to 0.5")


def test_a_turn_is_told_where_no_width_changed() -> None:
    before = mixture([[0.0, 0.0], [5.0, 50.0]], [ROUND, ROUND])
    turned = mixture([[0.0, 0.0], [5.0, 50.0]], [ROUND, [[1.0, 3.0], [3.0, 100.0]]])
    text = told(before, turned, names=NAMES)
    assert text.startswith("Component 2 turned, its correlation of eruptions and waiting going "
                           "from 0 to 0.3")
    assert "eruptions and waiting going from 0.3 to 0" in told(turned, before, names=NAMES)


def test_weights_and_rest_in_columns() -> None:
    same = [[0.0, 0.0], [5.0, 50.0]]
    before = mixture(same, [ROUND, ROUND])
    assert told(before, before).startswith("Nothing moves any more")
    grown = mixture(same, [ROUND, ROUND], (0.25, 0.75))
    assert told(before, grown).startswith("Component 1 shrank from weight 0.5 to 0.25")


def test_the_most_unsure_row_is_shown_whole() -> None:
    of = emix.Mixture([0.36, 0.64], [[2.0, 54.5], [4.3, 80.0]], [np.diag([0.07, 34.0])] * 2)
    doubt = most_unsure(of, FAITHFUL.data)
    shares = of.responsibilities(FAITHFUL.data)
    assert doubt.row == shares.max(axis=1).argmin()
    assert doubt.point.tolist() == FAITHFUL.data[doubt.row].tolist()
    text = told(of, of.marginal([0, 1]), doubt=doubt)
    assert text.startswith("Nothing moves")
    moved = mixture(of.means + 0.1, of.covariances, of.weights)
    shown = ", ".join(f"{value:g}" for value in doubt.point)
    assert f"({shown}) (row {doubt.row + 1})" in told(of, moved, doubt=doubt)
    wide = Doubt(0, np.arange(9.0), np.array([0.6, 0.4]))
    assert "(0, 1, 2, 3, …) (row 1)" in told(of, moved, doubt=wide)


def collapsing(x: Any, covariances: Any, n: int = 60) -> list[str]:
    begin = mixture([[0.0, 0.0], [5.0, 5.0]], covariances)
    steps = climb(x, begin, n)
    return [narrate(a, b) for a, b in itertools.pairwise(steps)]


def test_a_collapse_onto_a_point_is_named() -> None:
    rng = np.random.default_rng(0)
    x = np.vstack([np.zeros((3, 2)), rng.normal(size=(40, 2)) + 5])
    said = collapsing(x, [0.5 * np.eye(2), np.eye(2)])
    assert any("Component 1 is collapsing onto a single point" in text for text in said)
    assert "Component 1 rests on a single point" in said[-1] and "means nothing" in said[-1]
    assert all(map(is_one_sentence, said))


def test_a_collapse_onto_a_line_is_told_from_one_onto_a_point() -> None:
    rng = np.random.default_rng(0)
    line = np.linspace(-1, 1, 12)[:, None] * [1.0, 0.5]
    x = np.vstack([line, rng.normal(size=(40, 2)) + 5])
    said = collapsing(x, [0.5 * np.eye(2), np.eye(2)])
    assert any("collapsing onto fewer dimensions than there are columns" in text for text in said)
    assert not any("single point" in text for text in said)


def test_thin_components_that_stay_are_no_collapse() -> None:
    rng = np.random.default_rng(1)
    common = rng.normal(size=(300, 1))
    x = common @ [[1.0, 1.0]] + 1e-4 * rng.normal(size=(300, 2))
    begin = mixture([[-1.0, -1.0], [1.0, 1.0]], [[[1.0, 0.999999], [0.999999, 1.0]]] * 2)
    said = [narrate(a, b) for a, b in itertools.pairwise(climb(x, begin, 20))]
    assert not any("collaps" in text or "no width" in text for text in said)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(2, 4),
       st.sampled_from(["VVV", "EEE", "VVI", "VEV", "EII"]))
def test_in_columns_too_it_is_one_sentence_and_never_a_fall(
    seed: int, k: int, d: int, covariance: str
) -> None:
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(int(rng.integers(d + 2, 40)), d)), int(rng.integers(0, 3)))
    if (np.linalg.matrix_rank(x - x.mean(axis=0)) < d):
        return
    begin = emix.Mixture(np.full(k, 1 / k), rng.normal(size=(k, d)), [np.eye(d)] * k)
    for before, after in itertools.pairwise(climb(x, begin, 6, covariance=covariance)):
        text = narrate(before, after, most_unsure(after.mixture, x))
        assert is_one_sentence(text)
        assert "please report" not in text


@pytest.mark.parametrize("scale", [(2.0**-60, 1.0), (2.0**60, 2.0**-400), (2.0**400, 2.0**400)])
def test_the_units_of_the_columns_do_not_matter(scale: tuple[float, float]) -> None:
    factors = np.array(scale)

    def words(unit: Any) -> list[list[str]]:
        begin = emix.fit(FAITHFUL.data, 2, n_starts=1, max_iter=3, covariance="VVI").mixture
        begin = emix.Mixture(begin.weights, begin.means * unit,
                             begin.covariances * np.multiply.outer(unit, unit))
        steps = climb(FAITHFUL.data * unit, begin, 3)
        return [[word for word in narrate(a, b).split() if word.isalpha()]
                for a, b in itertools.pairwise(steps)]

    with pytest.warns(emix.NotConvergedWarning):
        assert words(factors) == words(np.ones(2))
