"""The loop: native and Python climbs are one, EM never descends, what is held never moves."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import examples

import emix
from emix import DirichletPrior, Mixture, NormalPrior, Outcome
from emix.arrays import Units
from emix.climbing import climb as climbing
from emix.climbing.climb import Climb, Stop, climb, climb_many, continued, runs_natively
from emix.em import iterate
from emix.kernels import NATIVE
from emix.maximise import gradient, maximise
from emix.model import FLOOR, Model
from emix.sources.array import ArraySource

NAN = np.nan
AS_GIVEN = Units(np.zeros(1), np.ones(1))
needs_native = pytest.mark.skipif(NATIVE is None, reason="native kernel not built")

# What can be held or assumed, for three components of data with standard deviation near 1.
MODELS = {
    "free": {},
    "tied": {"covariance": "E"},
    "equal weights": {"weights": "equal"},
    "some weights": {"weights": [NAN, 0.3, NAN]},
    "one weight learned": {"weights": [0.2, 0.3, NAN]},
    "some means": {"means": [NAN, 0.1, NAN]},
    "all means": {"means": [-1.0, 0.1, 1.5]},
    "some sds": {"sds": [0.3, NAN, NAN]},
    "all sds": {"sds": 0.5},
    "tied sds": {"sds": 0.5, "covariance": "E"},
    "all weights and sds": {"sds": [0.2, 0.5, 0.9], "weights": [0.5, 0.25, 0.25]},
    "normal prior": {"prior": NormalPrior(0.3, 0.4)},
    "normal prior, tied": {"prior": NormalPrior(0.3, 0.4), "covariance": "E"},
    "normal prior, a mean held": {"prior": NormalPrior(0.3, 0.4), "means": [-1.0, NAN, NAN]},
    "Dirichlet": {"prior": DirichletPrior([1.0, 2.0, 5.5])},
    "Dirichlet, a weight held": {"prior": DirichletPrior(3.0), "weights": [NAN, 0.3, NAN]},
    "both priors": {"prior": [NormalPrior(0.0, 0.2), DirichletPrior(2.0)], "covariance": "E"},
}
every_model = pytest.mark.parametrize("name", MODELS)


def problem(name: str, seed: int, n: int = 60, weighted: bool = False):
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(-1, 0.5, n), rng.normal(1, 0.8, n)])
    source = ArraySource.of(x, rng.exponential(size=len(x)) if weighted else None)
    model = replace(Model.parse(3, 1, **MODELS[name]), floor=FLOOR)
    start = Mixture.univariate(rng.dirichlet(np.ones(3)), rng.normal(0, 1, 3),
                               rng.uniform(0.3, 1.0, 3))
    return source, model, model.conforming(start)


@needs_native
@every_model
@pytest.mark.parametrize("weighted", [False, True])
def test_the_native_climb_is_the_python_loop_step_for_step(name, weighted):
    for seed, max_iter in itertools.product(range(4), (0, 1, 2, 5, 20)):
        source, model, start = problem(name, seed, weighted=weighted)
        assert runs_natively(source, start, model)
        stop = Stop(0.0, max_iter)
        native = climb_many(source, [start], model, AS_GIVEN, stop)[0]
        python = climb(source, start, model, AS_GIVEN, stop)
        step = next(itertools.islice(iterate(source, start, model), max_iter, None))
        assert native.iterations == python.iterations == max_iter
        assert native.outcome is python.outcome is Outcome.NOT_CONVERGED
        for one, other in ((native, python), (python, step)):
            for attribute in ("weights", "means", "sds"):
                np.testing.assert_allclose(
                    getattr(one.mixture, attribute), getattr(other.mixture, attribute), rtol=1e-10,
                    atol=1e-12,
                )
            assert one.loglik == pytest.approx(other.loglik, rel=1e-12, abs=1e-10)
            assert one.objective == pytest.approx(other.objective, rel=1e-12, abs=1e-10)
        assert native.gradient == pytest.approx(python.gradient, rel=1e-8, abs=1e-13)
        assert python.trace[-1] == python.objective and len(python.trace) == max_iter + 1


@needs_native
@every_model
def test_both_climbs_stop_at_the_same_place_for_the_same_reason(name):
    source, model, start = problem(name, 9)
    for tol in (1e-2, 1e-5, 1e-9):
        native = climb_many(source, [start], model, AS_GIVEN, Stop(tol, 3000))[0]
        python = climb(source, start, model, AS_GIVEN, Stop(tol, 3000))
        assert native.outcome is python.outcome
        # The last bits of a gradient may put the end one step earlier or later.
        assert abs(native.iterations - python.iterations) <= 1
        assert native.objective == pytest.approx(python.objective, rel=1e-11, abs=1e-9)
        if python.outcome is Outcome.CONVERGED:
            assert python.gradient <= tol and native.gradient <= tol
            before = climb(source, start, model, AS_GIVEN, Stop(0.0, python.iterations - 1))
            assert before.gradient > tol


@needs_native
def test_climbs_in_internal_units_and_many_at_once():
    source, model, start = problem("free", 2)
    units = Units(np.array([0.3]), np.array([4.0]))
    starts = [start, start.inward(units), problem("free", 3)[2]]
    together = climb_many(source, starts, model, units, Stop(0.0, 7), threads=2)
    for begun, native in zip(starts, together, strict=True):
        python = climb(source, begun, model, units, Stop(0.0, 7))
        np.testing.assert_allclose(native.mixture.means, python.mixture.means, rtol=1e-10)
        assert native.loglik == pytest.approx(python.loglik, rel=1e-12)


# A climb that starts on its optimum has arrived.
def test_a_climb_from_the_summit_takes_no_step():
    x = np.array([-1.0, 1.0])
    model, start = Model.parse(1, 1), Mixture.univariate([1.0], [0.0], [1.0])
    for run in (climb_many(ArraySource.of(x), [start], model, AS_GIVEN, Stop(1e-12, 9))[0],
                climb(ArraySource.of(x), start, model, AS_GIVEN, Stop(1e-12, 9))):
        assert (run.iterations, run.outcome) == (0, Outcome.CONVERGED)
        assert run.loglik == pytest.approx(-1 - np.log(2 * np.pi), rel=1e-15)


@st.composite
def settings_of_em(draw: st.DrawFn):
    """Random data, weights, start and model: held masks and priors of any combination."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, k = draw(st.integers(2, 60)), draw(st.integers(1, 6))
    shape = draw(st.sampled_from(["normal", "cauchy", "ties", "groups"]))
    x = {
        "normal": rng.standard_normal, "cauchy": rng.standard_cauchy,
        "ties": lambda size: rng.integers(0, 4, size).astype(float),
        "groups": lambda size: rng.normal(rng.integers(0, 3, size) * 10.0, 0.1),
    }[shape](n)
    weight = rng.exponential(size=n) * (rng.random(n) < 0.8) if draw(st.booleans()) else None
    tied = draw(st.booleans())
    given_values: dict = {"covariance": "E" if tied else "V"}
    hold = st.sampled_from([0.0, 0.3, 1.0])

    def partly(values, share):
        return np.where(rng.random(k) < share, values, NAN)

    share = draw(hold)
    if share == 1.0:
        given_values["weights"] = "equal"
    elif share:
        given_values["weights"] = partly(rng.dirichlet(np.ones(k)) * 0.9, share)
        given_values["weights"][rng.integers(k)] = NAN
    if share := draw(hold):
        given_values["means"] = partly(rng.normal(0, 3, k), share)
    if share := draw(hold):
        given_values["sds"] = 0.7 if tied else partly(rng.uniform(0.1, 2, k), share)
    priors = []
    if draw(st.booleans()):
        priors.append(NormalPrior(float(rng.normal()), float(rng.uniform(0.05, 5))))
    if draw(st.booleans()):
        priors.append(DirichletPrior(rng.uniform(1, 5, k).tolist()))
    model = replace(Model.parse(k, 1, prior=priors or None, **given_values), floor=1e-3)
    start = Mixture.univariate(rng.dirichlet(np.ones(k)), rng.choice(x, k), rng.uniform(0.1, 3, k))
    return ArraySource.of(x, weight), model, model.conforming(start)


@settings(max_examples=examples(1500))
@given(settings_of_em())
def test_em_never_lowers_its_objective_and_never_moves_what_is_held(em):
    source, model, start = em
    if source.sample_weight is not None and not source.sample_weight.any():
        return
    total = len(source.points) if source.sample_weight is None else source.sample_weight.sum()
    held, before = model.held, -np.inf
    for step in itertools.islice(iterate(source, start, model), 25):
        mixture = step.mixture
        assert step.objective >= before - 1e-12 * (abs(before) + total)
        before = step.objective
        assert mixture.weights.sum() == pytest.approx(1, abs=1e-12) and (mixture.weights >= 0).all()
        assert (mixture.sds >= np.where(held.learned_covariances, model.floor, 0)).all()
        for values, now in ((held.weights, mixture.weights), (held.means, mixture.means),
                            (held.sds, mixture.sds)):
            np.testing.assert_array_equal(now[~np.isnan(values)], values[~np.isnan(values)])
        if model.structure.is_common:
            assert len(set(mixture.sds)) == 1


@settings(max_examples=examples(60))
@given(settings_of_em(), st.sampled_from([1, 100, 2000]), st.sampled_from([2, 3, 8]))
def test_threads_change_no_bit_of_a_climb(em, times, threads):
    """Nor whether it runs natively, as a whole, or step by step with a native E-step."""
    source, model, start = em
    weight = source.sample_weight
    if weight is not None and not weight.any():
        return
    many = ArraySource(np.tile(source.points, (times, 1)),
                       None if weight is None else np.tile(weight, times))
    for way in (climb, lambda s, m, *rest: climb_many(s, [m], *rest)[0]):
        one, other = (way(many, start, model, AS_GIVEN, Stop(0.0, 3), n) for n in (1, threads))
        assert one.mixture == other.mixture and one.outcome is other.outcome
        assert one.trace.tobytes() == other.trace.tobytes()


@settings(max_examples=examples(400))
@given(settings_of_em())
def test_a_step_is_still_just_where_the_gradient_is_zero(em):
    """At a converged climb, one more step changes nothing beyond the gradient's own size."""
    source, model, start = em
    if source.sample_weight is not None and not source.sample_weight.any():
        return
    end = climb(source, start, model, AS_GIVEN, Stop(1e-8, 400))
    step = next(iter(iterate(source, end.mixture, model)))
    # A component that hardly any point belongs to moves far on a gradient of next to nothing.
    shares = step.statistics.weight / step.statistics.total
    if end.outcome is not Outcome.CONVERGED or shares.min() < 1e-3:
        return
    after = maximise(step.statistics, end.mixture, model)
    assert np.abs(gradient(step.statistics, end.mixture, model)).max() <= 1e-8
    np.testing.assert_allclose(after.weights, end.mixture.weights, atol=1e-5)
    np.testing.assert_allclose(after.means, end.mixture.means, atol=1e-5 * end.mixture.sds.max())
    np.testing.assert_allclose(after.sds, end.mixture.sds, rtol=1e-4)


AWKWARD = [0.1, 1 / 3, 1e-7]


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e6])
@pytest.mark.parametrize("scale", [1.0, 0.1, 1e-7, 3e9])
@pytest.mark.parametrize("tied", [False, True])
def test_held_values_keep_their_bits_in_the_users_units(offset, scale, tied):
    rng = np.random.default_rng(4)
    groups = [rng.normal(m, s, 40) for m, s in ((-3, 0.4), (0, 1), (4, 0.7))]
    x = np.concatenate(groups) * scale + offset
    start = Mixture.univariate([0.2, 0.3, 0.5], np.array([-2.0, 0.1, 3.0]) * scale + offset,
                               np.full(3, 0.8 * scale))
    first, third = -scale / 3 + offset, 3.3 * scale + offset
    sd = scale / 3
    arguments = {
        "weights": [NAN, 1 / 3, 0.1], "means": [first, NAN, third],
        "sds": sd if tied else [sd, NAN, scale * 0.1 + scale * 1e-7],
        "covariance": "E" if tied else "V",
    }
    wanted_sds = np.full(3, sd) if tied else np.array(arguments["sds"])
    for step in itertools.islice(emix.steps(x, start, **arguments), 6):
        m = step.mixture
        assert m.weights[1:].tolist() == [1 / 3, 0.1]
        assert m.means[[0, 2], 0].tolist() == [first, third]
        kept = ~np.isnan(wanted_sds)
        np.testing.assert_array_equal(m.sds[kept], wanted_sds[kept])
    found = emix.fit(x, 3, **arguments, n_starts=4, max_iter=2000)
    held, m = found.model.held, found.mixture
    for values, now in ((held.weights, m.weights), (held.means, m.means), (held.sds, m.sds)):
        np.testing.assert_array_equal(now[~np.isnan(values)], values[~np.isnan(values)])
    # They are the values given, each with its own component, whatever order that is in.
    given_rows = {(w, mu, s) for w, mu, s in zip(
        *(np.nan_to_num(a, nan=-1.0).tolist() for a in
          (arguments["weights"], arguments["means"], wanted_sds)), strict=True)}
    found_rows = {(w, mu, s) for w, mu, s in zip(
        *(np.nan_to_num(a, nan=-1.0).tolist() for a in
          (held.weights, held.means[:, 0], held.sds)), strict=True)}
    assert found_rows == given_rows
    assert (np.diff(m.means[:, 0]) >= 0).all()


@pytest.mark.parametrize("value", AWKWARD)
def test_a_held_standard_deviation_is_the_double_given(value):
    x = np.arange(20) * value * 7 + 1e6 * value
    found = emix.fit(x, 2, sds=[value, NAN], n_starts=3, max_iter=50, tol=1e-4)
    assert value in found.mixture.sds
    exact = emix.fit(x, 2, covariances=[value * value] * 2, n_starts=3, max_iter=50, tol=1e-4)
    np.testing.assert_array_equal(exact.mixture.sds, np.sqrt(value * value))


class Stopped:
    """A watch that presses Ctrl-C at some step."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, []

    def __call__(self, step, slope=None) -> None:
        self.seen.append(step.objective)
        if len(self.seen) > self.at:
            raise KeyboardInterrupt


def test_ctrl_c_returns_the_best_so_far():
    source, model, start = problem("free", 1)
    watch = Stopped(4)
    run = climb(source, start, model, AS_GIVEN, Stop(1e-12, 1000), watch=watch)
    assert (run.outcome, run.iterations) == (Outcome.INTERRUPTED, 4)
    assert run.trace.tolist() == watch.seen and run.objective == watch.seen[-1]
    steps = itertools.islice(iterate(source, start, model), 5)
    assert run.mixture == list(steps)[-1].mixture


def test_ctrl_c_before_there_is_anything_is_ctrl_c():
    source, model, start = problem("free", 1)

    class Broken(ArraySource):
        def reduce(self, map_block, zero):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        climb(Broken(source.points), start, model, AS_GIVEN, Stop(1e-12, 9))


def test_ctrl_c_ends_the_remaining_climbs_too(monkeypatch):
    monkeypatch.setattr(climbing, "NATIVE_CLIMB", 0)
    source, model, start = problem("free", 1)
    told = []

    def progress(now):
        told.append(now)
        if now.iteration == 2:
            raise KeyboardInterrupt

    runs = climb_many(source, [start] * 3, model, AS_GIVEN, Stop(1e-12, 99), progress=progress)
    assert [r.outcome for r in runs] == [Outcome.INTERRUPTED] * 3
    assert [(p.run, p.n_runs, p.iteration) for p in told] == [
        (run, 3, step) for step in range(3) for run in (1, 2, 3)]


def falling_after(n: int, fall: float):
    def fabricated(*arguments):
        for step in iterate(*arguments):
            by = fall if step.iteration > n else 0.0
            yield replace(step, objective=step.objective - by)

    return fabricated


def test_a_fall_is_named_and_the_mixture_before_it_returned(monkeypatch):
    source, model, start = problem("free", 1)
    honest = list(itertools.islice(iterate(source, start, model), 5))
    monkeypatch.setattr(climbing, "iterate", falling_after(3, 50.0))
    run = climb(source, start, model, AS_GIVEN, Stop(1e-12, 100))
    assert (run.outcome, run.iterations) == (Outcome.FELL, 3)
    assert run.mixture == honest[3].mixture and run.objective == honest[3].objective
    assert "fell" in run.outcome.prose


def test_a_fall_within_rounding_is_none(monkeypatch):
    source, model, start = problem("free", 1)
    end = climb(source, start, model, AS_GIVEN, Stop(1e-9, 5000))
    assert end.outcome is Outcome.CONVERGED
    total, size = len(source.points), abs(end.objective)
    for fall, outcome in ((0.9e-12, Outcome.NOT_CONVERGED), (1.1e-11, Outcome.FELL)):
        monkeypatch.setattr(climbing, "iterate", falling_after(0, fall * (total + size)))
        run = climb(source, end.mixture, model, AS_GIVEN, Stop(0.0, 1))
        assert run.outcome is outcome


def test_numbers_that_are_not_finite_end_a_climb(monkeypatch):
    source, model, start = problem("free", 1)
    monkeypatch.setattr(climbing, "iterate", falling_after(2, np.inf))
    run = climb(source, start, model, AS_GIVEN, Stop(1e-12, 100))
    assert (run.outcome, run.iterations) == (Outcome.NOT_FINITE, 2)
    assert np.isfinite(run.objective)


def test_a_start_beyond_double_precision_is_said_to_be():
    source, model, start = problem("all sds", 1)
    far = Mixture.trusted(start.weights, start.means + 1e200, start.covariance)
    for run in (climb(source, far, model, AS_GIVEN, Stop(1e-12, 100)),
                climb_many(source, [far], model, AS_GIVEN, Stop(1e-12, 100))[0]):
        assert run.outcome is Outcome.NOT_FINITE and run.iterations == 0


def test_two_climbs_make_one():
    source, model, start = problem("free", 1)
    first = climb(source, start, model, AS_GIVEN, Stop(0.0, 3))
    second = climb(source, first.mixture, model, AS_GIVEN, Stop(0.0, 4))
    whole: Climb = climb(source, start, model, AS_GIVEN, Stop(0.0, 7))
    both = continued(first, second)
    np.testing.assert_array_equal(both.trace, whole.trace)
    assert (both.iterations, both.mixture) == (whole.iterations, whole.mixture)
