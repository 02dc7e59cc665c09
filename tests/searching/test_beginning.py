"""The native call that begins a cell does what the screening does step by step."""

from __future__ import annotations

import numpy as np
import pytest

import emix
from emix.climbing.batches import Batch
from emix.climbing.climb import STEPS_TO_SHOW, is_hopeless
from emix.covariance import STRUCTURES
from emix.initialise import Draws
from emix.kernels import NATIVE
from emix.selection import screening
from emix.selection.screening import Screening
from emix.selection.setting import Cell, Setting
from emix.sources.array import ArraySource

pytestmark = pytest.mark.skipif(NATIVE is None, reason="native kernel not built")

ROWS = emix.datasets.load("iris").data
KINDS = ("random", "kmeans++")


def prepared(name: str, k: int, weights: object = None, prior: object = None):
    setting = Setting(ArraySource.of(ROWS), ("a", "b", "c", "d"), weights, prior, 0, 1)
    cell = Cell(name, k)
    setting.prepare([cell])
    terrain = setting.terrain(name)
    starts = [terrain.started(KINDS[s % 2], k, Draws(5, s)) for s in range(7)]
    return Screening(setting, [name], [k]), cell, Batch.of(starts)


def assert_same(one: screening.Screened, other: screening.Screened) -> None:
    assert one.failure == other.failure
    assert (one.ends is None) == (other.ends is None)
    if one.ends is None or other.ends is None:
        return
    assert one.ends.outcome == other.ends.outcome
    assert one.ends.iterations == other.ends.iterations
    np.testing.assert_allclose(one.ends.objective, other.ends.objective, rtol=1e-12)
    np.testing.assert_allclose(one.ends.batch.means, other.ends.batch.means, atol=1e-9)
    np.testing.assert_allclose(one.ends.batch.factors, other.ends.batch.factors, atol=1e-9)


def step_by_step(monkeypatch, screen, *arguments) -> screening.Screened:
    with monkeypatch.context() as patch:
        patch.setattr(screening, "begins_natively", lambda *_: False)
        return screen._begun(*arguments)


@pytest.mark.parametrize("name", STRUCTURES)
def test_one_call_comes_to_what_the_steps_come_to(name, monkeypatch):
    for k in (3, 8):
        screen, cell, starts = prepared(name, k)
        assert_same(screen._begun(cell, starts),
                    step_by_step(monkeypatch, screen, cell, starts))


@pytest.mark.parametrize(("weights", "prior"), [("equal", None), (None, "conjugate"),
                                            (None, emix.DirichletPrior(2.0))])
def test_with_held_weights_and_priors(weights, prior, monkeypatch):
    screen, cell, starts = prepared("VVV", 3, weights, prior)
    found = screen._begun(cell, starts)
    assert found.sound is not None
    assert_same(found, step_by_step(monkeypatch, screen, cell, starts))


def test_what_is_low_does_not_go_on(monkeypatch):
    # What all components share is never degenerate: the highest is the best.
    screen, cell, starts = prepared("EEE", 3)
    best = screen._begun(cell, starts)
    for above in (best.objective + 1, best.objective - 30):
        found = screen._begun(cell, starts, above, 1)
        assert_same(found, step_by_step(monkeypatch, screen, cell, starts, above, 1))
        assert (found.ends is None) == (above > best.objective)
    # Of what is not sound no more go on than are asked for.
    screen, cell, starts = prepared("VVV", 3)
    assert screen._begun(cell, starts).sound is not None
    found = screen._begun(cell, starts, most=1)
    assert found.failure == screening.NOT_SOUND
    assert_same(found, step_by_step(monkeypatch, screen, cell, starts, -np.inf, 1))


def test_hopeless_is_what_would_not_come_there_at_several_times_its_pace():
    # 45 steps are left: at a pace of 0.01 they bring 0.45, at five times that 2.25.
    assert is_hopeless(-10.01, -10.0, -7.7, STEPS_TO_SHOW, 60)
    assert not is_hopeless(-10.01, -10.0, -7.8, STEPS_TO_SHOW, 60)
    assert not is_hopeless(-10.01, -10.0, -7.7, STEPS_TO_SHOW - 1, 60)
    assert not is_hopeless(-10.0, -10.0, -np.inf, STEPS_TO_SHOW, 60)
