"""Acceleration: the same summits in fewer passes, and never a step down."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emix import Mixture, NormalPrior
from emix.arrays import Floats, Units
from emix.climbing import newton
from emix.climbing.accelerate import MEMORY, Accelerator
from emix.climbing.climb import Outcome, Stop, climb, climb_many
from emix.climbing.newton import Newton
from emix.em import Step, iterate
from emix.kernels import NATIVE
from emix.model import FLOOR, Model
from emix.sources.array import ArraySource

STRUCTURES = ("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV",
              "EVV", "VVV")
FOR_EVER = Stop(1e-10, 20_000)


def overlapping_rows(d: int, n: int = 1500, seed: int = 3) -> Floats:
    """Two clouds, one inside the other's reach, in internal units."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)) @ (np.eye(d) + 0.4 * np.eye(d, k=1))
    rows[: n * 2 // 5] = rows[: n * 2 // 5] * 0.7 + 1.3 / np.sqrt(d)
    return (rows - rows.mean(axis=0)) / rows.std(axis=0)


def start_on(rows: Floats, k: int, model: Model, seed: int = 5) -> Mixture:
    d = rows.shape[1]
    means = rows[np.random.default_rng(seed).choice(len(rows), k, replace=False)]
    return model.conforming(Mixture(np.full(k, 1 / k), means, np.repeat(np.eye(d)[None], k, 0)))


def exact(model: Model, source: ArraySource, taken: int = 0) -> Accelerator:
    """With the curvature of all the data."""
    units = Units.identity(source.n_features)
    return Accelerator(model, source, (source, units), taken)


# Structure, columns, components, seed; the passes of plain EM from there, and where it ends. The
# three before the last ended at another summit, some 4 nats lower, while Newton's steps left EM's
# own way.
SLOW = [
    ("E", 1, 3, 3, 3350, -2103.889001),
    ("V", 1, 2, 3, 3827, -2103.491587),
    ("V", 1, 3, 3, 11010, -2102.108118),
    ("EII", 2, 3, 3, 769, -4023.181634),
    ("VII", 2, 3, 3, 1155, -4005.961689),
    ("EEI", 2, 3, 3, 719, -4021.859537),
    ("VEI", 2, 3, 3, 1158, -4005.959820),
    ("EVI", 2, 3, 3, 1020, -4024.584234),
    ("VVI", 2, 3, 3, 1545, -4003.599147),
    ("EEE", 2, 3, 3, 1092, -4009.155181),
    ("VEE", 3, 3, 3, 4798, -5945.240008),
    ("EVE", 2, 3, 3, 4432, -4012.858640),
    ("VVE", 2, 2, 3, 1324, -4003.581947),
    ("EEV", 2, 3, 3, 2582, -4004.331570),
    ("VEV", 2, 3, 3, 2079, -3999.112118),
    ("EVV", 2, 3, 3, 2837, -4003.457809),
    ("VVV", 2, 3, 3, 9234, -3993.270380),
    ("EEV", 3, 3, 3, 853, -5951.452671),
    ("VEV", 2, 3, 12, 1794, -4038.375536),
    ("VVV", 3, 3, 16, 3511, -5980.391015),
    # Newton's turn is nearly over when EM has found the valley.
    ("EEE", 2, 3, 7, 592, -3998.331167),
]


def slow_problem(covariance: str, d: int, k: int, seed: int) -> tuple[Floats, Mixture, Model]:
    rows = overlapping_rows(d, seed=seed)
    model = Model.parse(k, d, covariance).inward(Units.identity(d), FLOOR)
    return rows, start_on(rows, k, model, seed + 2), model


@pytest.mark.parametrize(("covariance", "d", "k", "seed", "passes", "objective"), SLOW)
def test_a_tenth_of_the_passes_of_plain_em_lead_to_its_own_optimum(
    covariance, d, k, seed, passes, objective
):
    rows, start, model = slow_problem(covariance, d, k, seed)
    source, units = ArraySource.of(rows), Units.identity(d)
    fast = climb(source, start, model, units, FOR_EVER, accelerator=exact(model, source))
    assert fast.outcome is Outcome.CONVERGED
    assert 10 * fast.iterations <= passes
    assert fast.objective == pytest.approx(objective, rel=1e-9)


@pytest.mark.skipif(NATIVE is None, reason="EM's own thousands of steps take a minute without it")
@pytest.mark.parametrize(("covariance", "d", "k", "seed", "passes", "objective"), SLOW)
def test_so_many_passes_and_that_optimum_are_plain_ems(
    covariance, d, k, seed, passes, objective
):
    rows, start, model = slow_problem(covariance, d, k, seed)
    (plain,) = climb_many(ArraySource.of(rows), [start], model, Units.identity(d), FOR_EVER)
    assert plain.outcome is Outcome.CONVERGED
    assert plain.iterations == pytest.approx(passes, rel=0.01)
    assert plain.objective == pytest.approx(objective, rel=1e-9)


def test_a_component_at_rest_on_the_floor_does_not_keep_the_others_from_newtons_steps():
    rows = overlapping_rows(1, seed=4)
    model = Model.parse(3, 1).inward(Units.identity(1), FLOOR)
    source, start = ArraySource.of(rows), start_on(rows, 3, model, 6)
    fast = climb(source, start, model, Units.identity(1), FOR_EVER,
                 accelerator=exact(model, source))
    assert fast.mixture.sds.min() == pytest.approx(FLOOR)
    assert fast.outcome is Outcome.CONVERGED and fast.iterations < 150


@pytest.mark.parametrize("covariance", STRUCTURES)
@pytest.mark.parametrize("with_newton", [True, False])
def test_every_structure_stays_itself_and_never_steps_down(covariance, with_newton):
    d, k = 3, 3
    rows = overlapping_rows(d, 400)
    model = Model.parse(k, d, covariance).inward(Units.identity(d), FLOOR)
    source = ArraySource.of(rows)
    accelerator = exact(model, source) if with_newton else Accelerator(model)
    start = start_on(rows, k, model)
    steps = list(itertools.islice(iterate(source, start, model, accelerator=accelerator), 80))
    objectives = np.array([step.objective for step in steps])
    assert (np.diff(objectives) >= -2e-12 * (abs(objectives[1:]) + 400)).all()
    conformed = model.structure.conform(steps[-1].mixture.covariance, steps[-1].mixture.weights)
    np.testing.assert_allclose(
        steps[-1].mixture.covariance.dense(), conformed.dense(), rtol=1e-6, atol=1e-9
    )


@st.composite
def problems(draw) -> tuple[Floats, Mixture, Model]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = draw(st.integers(1, 4))
    rows = np.concatenate([rng.normal(m, s, 40) for m, s in
                           zip(rng.normal(size=k) * 2, rng.uniform(0.3, 1.5, k), strict=True)])
    means = rng.normal(size=k)
    held: dict[str, object] = {}
    if draw(st.booleans()):
        held["means"] = np.where(np.arange(k) == 0, means, np.nan)
    if draw(st.booleans()):
        held["weights"] = "equal"
    if draw(st.booleans()):
        held["prior"] = NormalPrior(0.0, 2.0)
    covariance = draw(st.sampled_from(["E", "V"]))
    model = Model.parse(k, 1, covariance, **held).inward(Units.identity(1), FLOOR)
    start = Mixture.univariate(np.full(k, 1 / k), means, np.full(k, 0.8))
    return rows[:, None], model.conforming(start), model


@settings(max_examples=25, deadline=None)
@given(problems())
def test_the_objective_never_falls_and_what_is_held_stays(problem):
    rows, start, model = problem
    source = ArraySource.of(rows)
    steps = list(itertools.islice(
        iterate(source, start, model, accelerator=exact(model, source)), 60
    ))
    for before, after in itertools.pairwise(steps):
        slack = 2e-12 * (abs(before.objective) + len(rows))
        assert after.objective >= before.objective - slack
        held = ~model.held.learned_means
        assert (after.mixture.means[held] == start.means[held]).all()
        held_weights = ~model.held.learned_weights
        assert (after.mixture.weights[held_weights] == start.weights[held_weights]).all()
        assert after.mixture.weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_climb_can_be_taken_up_where_the_memory_ends():
    rows = overlapping_rows(2, 600)
    model = Model.parse(4, 2, "VVV").inward(Units.identity(2), FLOOR)
    source, start = ArraySource.of(rows), start_on(rows, 4, model)

    def steps(mixture: Mixture, taken: int) -> Iterator[Mixture]:
        accelerator = exact(model, source, taken)
        return (step.mixture for step in iterate(source, mixture, model, accelerator=accelerator))

    unbroken = list(itertools.islice(steps(start, 0), MEMORY + 30))
    taken_up = list(itertools.islice(steps(unbroken[MEMORY], MEMORY), 30))
    for ours, theirs in zip(taken_up, unbroken[MEMORY:], strict=True):
        assert (ours.means == theirs.means).all()
        assert (ours.covariance.factors == theirs.covariance.factors).all()


def test_a_refused_proposal_leaves_em_where_it_stood():
    rows = overlapping_rows(1)
    model = Model.parse(2, 1).inward(Units.identity(1), FLOOR)
    source, start = ArraySource.of(rows), start_on(rows, 2, model)

    class Astray(Accelerator):
        """Proposes what is no good, each time."""

        def proposed(self, step, image):
            self.image, self._asked = image, self._anderson
            return Mixture.univariate([0.5, 0.5], [40.0, 50.0], [1.0, 1.0])

    plain = list(itertools.islice(iterate(source, start, model), 4))
    # A refusal costs a pass, and the image of where EM stood follows, once.
    astray = Astray(model, source)
    led = iterate(source, start, model, accelerator=astray)
    first, refused, second = next(led), next(led), next(led)
    assert (first.mixture.means == plain[0].mixture.means).all()
    assert (refused.mixture.means == first.mixture.means).all() and refused.iteration == 1
    assert (second.mixture.means == plain[1].mixture.means).all() and second.iteration == 2


@pytest.mark.parametrize("seed", [4, 7, 10])
def test_a_sample_that_does_not_know_the_slowest_direction_does_not_hold_a_climb_up(seed):
    """Three components on two groups: along the ridge between two of them a sample's curvature has
    the wrong size, or sign, and Newton's steps alone never arrive."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(1300, 1)) * np.where(rng.random(1300) < 0.4, 0.5, 1.5)[:, None]
    rows[:650] += 5.0
    model = Model.parse(3, 1, "E", weights="equal").inward(Units.identity(1), FLOOR)
    source, near = ArraySource.of(rows), ArraySource.of(rng.permutation(rows)[:100])
    for means in ([-0.1, 4.5, 5.4], [-0.3, 0.3, 5.0], [-1.0, 2.5, 6.0]):
        start = Mixture.univariate([1 / 3] * 3, means, [1.1] * 3)
        end = climb(source, start, model, Units.identity(1), FOR_EVER,
                    accelerator=Accelerator(model, near))
        assert end.outcome is Outcome.CONVERGED and end.iterations < 100


@pytest.mark.parametrize(("seed", "objective"), [(1, -11345.060553), (2, -11346.359185)])
def test_a_climb_that_goes_on_for_long_takes_its_curvature_from_all_the_data(seed, objective):
    """Three components on one cloud: the ridge is so flat that a quarter of the rows curve the
    other way along it."""
    rows = np.random.default_rng(seed).normal(size=(4000, 2))
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    model, units = Model.parse(3, 2, "VVV").inward(Units.identity(2), FLOOR), Units.identity(2)
    source, near = ArraySource.of(rows), ArraySource.of(rows[:1000])
    start = start_on(rows, 3, model, seed)
    never = climb(source, start, model, units, Stop(1e-10, 1000),
                  accelerator=Accelerator(model, near))
    at_last = climb(source, start, model, units, Stop(1e-10, 250),
                    accelerator=Accelerator(model, near, (source, units)))
    assert never.outcome is Outcome.NOT_CONVERGED
    assert at_last.outcome is Outcome.CONVERGED
    assert at_last.objective == pytest.approx(objective, abs=1e-6)
    assert (np.diff(at_last.trace) >= -1e-12 * abs(objective)).all()


def test_all_the_data_is_looked_at_so_often_a_turn_and_only_when_it_is_late(monkeypatch):
    rows = np.random.default_rng(10).normal(size=(4000, 2))
    model, units = Model.parse(3, 2, "VVV").inward(Units.identity(2), FLOOR), Units.identity(2)
    source, near, seen = ArraySource.of(rows), ArraySource.of(rows[:1000]), []
    from_data = newton.information

    def watched(looked_at, *rest):
        seen.append(looked_at)
        return from_data(looked_at, *rest)

    monkeypatch.setattr(newton, "information", watched)
    accelerator = Accelerator(model, near, (source, units))
    steps = iterate(source, start_on(rows, 3, model, 10), model, accelerator=accelerator)
    looks = []
    for step in itertools.islice(steps, 2 * MEMORY):
        if step.iteration % MEMORY == 0:
            looks.append(len(seen))
    first, second = seen[: looks[1]], seen[looks[1]:]
    assert first and all(each is near for each in first)
    assert 0 < len(second) <= newton.MOST_LOOKS and all(each is source for each in second)


def test_near_a_summit_newton_is_judged_by_slopes():
    """Two mixtures whose objectives differ by less than rounding: the steeper is refused."""
    rows = overlapping_rows(1)
    model = Model.parse(2, 1).inward(Units.identity(1), FLOOR)
    source = ArraySource.of(rows)
    top = climb(source, start_on(rows, 2, model), model, Units.identity(1), FOR_EVER,
                accelerator=exact(model, source)).mixture

    def moved(by: float) -> Step:
        mixture = Mixture.univariate(top.weights, top.means[:, 0] + by, top.sds)
        return next(iterate(source, mixture, model))

    near, far = moved(1e-9), moved(1e-8)
    assert abs(near.objective - far.objective) < 1e-12 * len(rows)
    accelerator = exact(model, source)
    for before, now, is_refused in ((near, far, True), (far, near, False)):
        accelerator._asked = accelerator._newton
        assert accelerator.refuses(before, now) is is_refused
        # EM mixed may grow steeper on its way.
        accelerator._asked = accelerator._anderson
        assert not accelerator.refuses(before, now)


def test_curvature_from_a_sample_ends_at_the_optimum_of_all_the_data():
    rows = overlapping_rows(1, 30_000)
    model = Model.parse(2, 1).inward(Units.identity(1), FLOOR)
    source, start = ArraySource.of(rows), start_on(rows, 2, model)
    sample = ArraySource.of(rows[::10])
    units = Units.identity(1)
    whole = climb(source, start, model, units, FOR_EVER, accelerator=exact(model, source))
    near = climb(source, start, model, units, FOR_EVER, accelerator=Accelerator(model, sample))
    assert near.outcome is Outcome.CONVERGED
    np.testing.assert_allclose(near.mixture.means, whole.mixture.means, rtol=0, atol=1e-6)
    assert near.objective == pytest.approx(whole.objective, abs=1e-6)


def test_newton_serves_models_that_learn_something_and_not_too_much():
    assert Newton.serves(Model.parse(2, 1))
    assert not Newton.serves(Model.parse(2, 1, "V", "equal", [0.0, 1.0], 1.0))
    assert not Newton.serves(Model.parse(20, 8, "VVV"))
