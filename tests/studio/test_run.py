"""The run on the page is `emix.steps`, to the bit, forwards and back."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import emix
from emix.searching.drawing import drawn
from emix.sources.opening import open_source


def steps_from(session_start: emix.Mixture, n: int, x: object, **held: Any) -> list[Any]:
    return list(itertools.islice(emix.steps(x, session_start, **held), n + 1))


@pytest.fixture
def column() -> Any:
    return emix.datasets.load("faithful")["waiting"]


def start_of(column: Any, k: int = 2, kind: str = "quantiles", seed: int = 0) -> emix.Mixture:
    from emix.model import Model

    source, names = open_source(column)
    return drawn(source, names, Model.parse(k, 1, "V"), kind, seed)


def test_five_steps_are_those_of_the_library(waiting: Any, column: Any) -> None:
    expected = steps_from(start_of(column), 5, column)
    for step in expected[1:]:
        state = waiting.act("iterate")
        assert state["iteration"] == step.iteration
        assert state["loglik"] == step.loglik
        assert state["mixture"]["weights"] == step.mixture.weights.tolist()
        assert state["mixture"]["means"] == step.mixture.means.tolist()
        assert np.ravel(state["mixture"]["sds"]).tolist() == step.mixture.sds.tolist()
        assert state["expected"] == step.statistics.weight.tolist()
    assert state["trace"] == [[step.iteration, step.loglik] for step in expected]


def test_the_two_halves_of_a_step(waiting: Any, column: Any) -> None:
    zero, one = steps_from(start_of(column), 1, column)
    begun = waiting.run["state"]
    assert begun["shares"] is None and begun["loglik"] is None and begun["expected"] is None
    seen = waiting.act("expect")
    assert seen["loglik"] == zero.loglik and seen["shares"]["points"] is not None
    assert seen["mixture"] == begun["mixture"]
    moved = waiting.act("maximise")
    assert moved["mixture"]["means"] == one.mixture.means.tolist()
    # Until the next E-step what is believed is still what the last one said.
    assert moved["shares"] == seen["shares"] and moved["loglik"] is None
    assert waiting.act("expect")["loglik"] == one.loglik


def test_halves_out_of_turn_are_refused_in_words(waiting: Any) -> None:
    assert "needs the shares" in waiting.ask("act", 422, act="maximise")["error"]
    waiting.act("expect")
    assert "the M-step is next" in waiting.ask("act", 422, act="expect")["error"]


def test_back_undoes_and_reset_returns(waiting: Any) -> None:
    states = [waiting.run["state"], waiting.act("expect"), waiting.act("maximise"),
              waiting.act("iterate")]
    while states:
        states.pop()
        if states:
            assert waiting.act("back")["sentence"] == states[-1]["sentence"]
    assert waiting.act("back")["iteration"] == 0
    waiting.act("iterate", count=4)
    reset = waiting.act("reset")
    assert reset["iteration"] == 0 and not reset["seen"] and not reset["back"]


def test_play_ends_where_nothing_moves(waiting: Any, column: Any) -> None:
    state = waiting.act("iterate", count=500)
    assert state["still"] and state["iteration"] < 500
    assert "Nothing moves any more" in state["sentence"]
    assert state["loglik"] == pytest.approx(emix.fit(column, 2).loglik, abs=1e-6)


def test_means_are_placed_and_all_else_stays(waiting: Any, column: Any) -> None:
    waiting.act("iterate", count=2)
    before = waiting.act("iterate")["mixture"]
    placed = waiting.ask("place", means=[[50.0], [90.0]])["state"]
    assert placed["mixture"]["means"] == [[50.0], [90.0]]
    assert placed["mixture"]["sds"] == before["sds"]
    assert placed["iteration"] == 0 and placed["begun"] == "placed"
    start = emix.Mixture.univariate(before["weights"], [50.0, 90.0], np.ravel(before["sds"]))
    assert waiting.act("iterate", count=3)["loglik"] == steps_from(start, 3, column)[3].loglik


def test_held_values_stay_and_are_those_of_the_library(waiting: Any, column: Any) -> None:
    state = waiting.ask("hold", weights=[None, None], means=[[55.0], [None]], sds=[None, 6.0],
                        covariances=[])["state"]
    assert state["model"]["held"] == {"weights": [False, False], "means": [[True], [False]],
                                      "sds": [False, True]}
    after = waiting.act("iterate", count=7)
    held = {"means": [55.0, math.nan], "sds": [math.nan, 6.0]}
    expected = steps_from(start_of(column), 7, column, **held)[7]
    assert after["loglik"] == expected.loglik
    assert after["mixture"]["means"][0] == [55.0] and after["mixture"]["sds"][1] == [6.0]


def test_what_cannot_be_held_changes_nothing(waiting: Any) -> None:
    before = waiting.act("iterate")
    error = waiting.ask("hold", 422, weights=[0.7, 0.7], means=[[None], [None]],
                        sds=[None, None], covariances=[])["error"]
    assert "must sum to 1" in error
    assert waiting.act("iterate")["iteration"] == before["iteration"] + 1


def test_covariances_are_held_whole_in_several_columns(page: Any) -> None:
    page.open("iris")
    page.ask("choose", columns=["Petal_Length", "Petal_Width"])
    ellipses = page.act("iterate")["mixture"]["ellipses"]
    none = [None, None]
    page.ask("hold", weights=none, means=[none, none], sds=none, covariances=[True, False])
    after = page.act("iterate", count=4)["mixture"]["ellipses"]
    assert np.allclose(after[0], ellipses[0], rtol=1e-12, atol=0)
    assert not np.allclose(after[1], ellipses[1], rtol=1e-3)


def test_more_components_than_are_shown_are_refused(waiting: Any) -> None:
    assert "1 to 24" in waiting.ask("configure", 422, k=25)["error"]
    assert waiting.ask("configure", k=3, kind="random", seed=4)["state"]["model"]["k"] == 3


def test_a_start_too_far_away_says_so_each_time(waiting: Any) -> None:
    far = [[-1e200], [1e200]]
    first = waiting.ask("place", 422, means=far)["error"]
    assert "double precision" in first and waiting.ask("place", 422, means=far)["error"] == first
    assert waiting.act("iterate")["iteration"] == 1
