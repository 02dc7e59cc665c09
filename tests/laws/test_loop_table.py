"""The loop in several columns: native and Python climbs are one, EM never descends, what is held
never moves."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import examples

import emix
from emix import ConjugatePrior, DirichletPrior, Mixture, NormalPrior, Outcome
from emix.arrays import Units
from emix.climbing.climb import Stop, climb, climb_many, climbs_natively
from emix.covariance import STRUCTURES
from emix.em import iterate
from emix.kernels import NATIVE
from emix.model import FLOOR, Model
from emix.sources.array import ArraySource

NAN = np.nan
every = pytest.mark.parametrize("name", STRUCTURES)
needs_native = pytest.mark.skipif(NATIVE is None, reason="native kernel not built")
SEPARATE = ("VII", "VVI", "VVV")
# A component on its way to collapse, of data with sds near 1: what is left of its scatter is
# rounding.
NEARLY_FLAT = 1e-4


def covered(source: ArraySource) -> float:
    weight = source.sample_weight
    return float(source.n_rows if weight is None else weight.sum())


def informed(model: Model, source: ArraySource) -> Model:
    """A model that knows the data, as `fit` would tell it."""
    w = source.sample_weight
    total = covered(source)
    mean = np.average(source.points, axis=0, weights=w)
    away = source.points - mean
    weighted = away if w is None else away * w[:, None]
    return model.informed(mean, weighted.T @ away / max(total - 1, 1.0), total)


# Random settings


SHAPES = ("normal", "cauchy", "ties", "groups", "line", "scaled")


def drawn_rows(rng: np.random.Generator, shape: str, n: int, d: int) -> np.ndarray:
    if shape == "cauchy":
        return rng.standard_cauchy((n, d))
    if shape == "ties":
        return rng.integers(0, 4, (n, d)).astype(float)
    if shape == "groups":
        return rng.normal(rng.integers(0, 3, n)[:, None] * 10.0, 0.1, (n, d))
    x = rng.normal(size=(n, d))
    if shape == "line":
        # One column is the sum of the others but for a thousandth.
        x[:, -1] = x[:, :-1].sum(axis=1) + 1e-3 * rng.normal(size=n)
    return x * 10.0 ** rng.uniform(-3, 3, d) if shape == "scaled" else x


def held_in_part(rng: np.random.Generator, name: str, k: int, x: np.ndarray, draw) -> dict:
    """Weights, means (whole or in some coordinates) and covariances to hold, at random."""
    d, given_values = x.shape[1], {"covariance": name}
    share = st.sampled_from([0.0, 0.0, 0.4, 1.0])
    if (part := draw(share)) == 1.0:
        given_values["weights"] = "equal"
    elif part:
        weights = np.where(rng.random(k) < part, rng.dirichlet(np.ones(k)) * 0.9, NAN)
        weights[rng.integers(k)] = NAN
        given_values["weights"] = weights
    if part := draw(share):
        means = rng.choice(x, k) + 0.1 * x.std(axis=0)
        whole = rng.random(k) < 0.5
        hold = np.where(whole[:, None], rng.random((k, 1)), rng.random((k, d))) < part
        given_values["means"] = np.where(hold, means, NAN)
    if (part := draw(share)) and (name in SEPARATE or part == 1.0):
        roots = rng.normal(0, 0.3, (k, d, d)) + np.eye(d)
        matrices = roots @ np.swapaxes(roots, 1, 2)
        free = Model.parse(k, d, name)
        spread = Mixture(np.full(k, 1 / k), np.zeros((k, d)), matrices)
        matrices = free.conforming(spread).covariances.copy() * np.median(x.std(axis=0)) ** 2
        matrices[rng.random(k) >= part] = NAN
        given_values["covariances"] = matrices
    return given_values


@st.composite
def settings_of_em(draw: st.DrawFn, name: str):
    """Random data, weights, start and model: held values and priors of any combination."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    d, k = draw(st.integers(2, 4)), draw(st.integers(1, 4))
    n = draw(st.integers(d + 2, 60))
    x = drawn_rows(rng, draw(st.sampled_from(SHAPES)), n, d)
    x = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    weight = rng.exponential(size=n) if draw(st.booleans()) else None
    given_values = held_in_part(rng, name, k, x, draw)
    priors: list = []
    if (about := draw(st.sampled_from(["", "", "normal", "conjugate"]))) == "normal":
        priors.append(NormalPrior(rng.normal(size=d).tolist(), rng.uniform(0.05, 5, d).tolist()))
    elif about:
        priors.append(ConjugatePrior(float(rng.uniform(0, 2))))
    if draw(st.booleans()):
        priors.append(DirichletPrior(rng.uniform(1, 5, k).tolist()))
    source = ArraySource.of(x, weight)
    model = replace(informed(Model.parse(k, d, prior=priors or None, **given_values), source),
                    floor=FLOOR)
    spread = [np.diag(rng.uniform(0.05, 1, d)) + 0.05 * np.ones((d, d)) for _ in range(k)]
    start = Mixture(rng.dirichlet(np.full(k, 2.0)), rng.choice(x, k), spread)
    return source, model, model.conforming(start)


def is_collapsing(mixture: Mixture) -> bool:
    """Whether a component is on its way to a plane, a line or a point, or rests where a climb ends
    for it: its likelihood has no bound there, and what is left of its scatter is rounding."""
    factors = mixture.covariance.factors
    if not np.isfinite(factors).all() or mixture.covariance.at_floor(FLOOR).any():
        return True
    sds = np.linalg.svd(factors, compute_uv=False)
    return bool(sds.min() < NEARLY_FLAT or sds.max() > 1 / NEARLY_FLAT)


@every
@settings(max_examples=examples(60, 720))
@given(st.data())
def test_em_never_lowers_its_objective_and_never_moves_what_is_held(name, data):
    source, model, start = data.draw(settings_of_em(name))
    total, held, before = covered(source), model.held, -np.inf
    known = ~held.learned_covariances
    steps = itertools.islice(iterate(source, start, model), 25)
    with np.errstate(all="ignore"):
        steps = list(itertools.takewhile(lambda s: not is_collapsing(s.mixture), steps))
    for step in steps:
        mixture = step.mixture
        assert step.objective >= before - 1e-12 * (abs(before) + total)
        before = step.objective
        assert mixture.weights.sum() == pytest.approx(1, abs=1e-12) and (mixture.weights >= 0).all()
        for values, now in ((held.weights, mixture.weights), (held.means, mixture.means)):
            np.testing.assert_array_equal(now[~np.isnan(values)], values[~np.isnan(values)])
        if known.any():
            np.testing.assert_array_equal(mixture.covariance.factors[known],
                                          held.covariances.factors[known])
        if model.structure.is_common:
            assert (mixture.covariance.factors == mixture.covariance.factors[0]).all()


@settings(max_examples=examples(60))
@given(st.data(), st.sampled_from([1, 40, 400]), st.sampled_from([2, 3, 8]))
def test_threads_change_no_bit_of_a_climb(data, times, threads):
    """In every structure, whatever is held or believed; native climbs as well."""
    source, model, start = data.draw(settings_of_em(data.draw(st.sampled_from(list(STRUCTURES)))))
    weight, units = source.sample_weight, Units.identity(source.n_features)
    many = ArraySource(np.tile(source.points, (times, 1)),
                       None if weight is None else np.tile(weight, times))
    for way in (climb, lambda s, m, *rest: climb_many(s, [m], *rest)[0]):
        with np.errstate(all="ignore"):
            one, other = (way(many, start, model, units, Stop(0.0, 3), n) for n in (1, threads))
        assert one.mixture == other.mixture and one.outcome is other.outcome
        assert one.trace.tobytes() == other.trace.tobytes()


@every
@settings(max_examples=examples(40, 400))
@given(st.integers(0, 2**32))
def test_a_collapse_is_named_and_nothing_else(name, seed):
    """Few rows of uneven weight: most climbs end on a point, a line or a plane. They say so, and
    what they return is finite."""
    rng = np.random.default_rng(seed)
    n, d, k = int(rng.integers(5, 14)), int(rng.integers(2, 4)), int(rng.integers(2, 4))
    x = drawn_rows(rng, SHAPES[seed % 4], n, d)
    x = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    source = ArraySource.of(x, rng.exponential(size=n) ** 2 + 1e-3)
    model = replace(Model.parse(k, d, name), floor=FLOOR)
    spread = [np.eye(d) * s for s in rng.uniform(0.05, 1, k)]
    start = model.conforming(Mixture(rng.dirichlet(np.full(k, 2.0)), rng.choice(x, k), spread))
    stop, units = Stop(1e-8, 300), Units.identity(d)
    python = climb(source, start, model, units, stop)
    [either] = climb_many(source, [start], model, units, stop)
    for end in (python, either):
        assert end.outcome in (Outcome.CONVERGED, Outcome.NOT_CONVERGED, Outcome.COLLAPSED)
        assert np.isfinite(end.objective) and np.isfinite(end.trace).all()
        for values in (end.mixture.weights, end.mixture.means, end.mixture.covariance.factors):
            assert np.isfinite(values).all()
        # It went up until the last step, which may have been one too many.
        assert (np.diff(end.trace) >= -1e-9 * (1 + np.abs(end.trace[1:]))).all()


# Native and Python


# Natively these are taken as far in each step as pays, in Python to the end.
ITERATED = ("VEI", "VEE", "EVE", "VVE", "VEV")
MODELS = {
    "free": {},
    "equal weights": {"weights": "equal"},
    "some weights": {"weights": [NAN, 0.3, NAN]},
    "Dirichlet": {"prior": DirichletPrior([1.0, 2.0, 5.5])},
    "conjugate": {"prior": [ConjugatePrior(0.5), DirichletPrior(2.0)]},
}


def problem(name: str, seed: int = 0, weighted: bool = False, d: int = 3, **arguments):
    """Three groups in general position, what is fitted to them, and a component on each."""
    rng = np.random.default_rng(seed)
    groups = [rng.normal(size=(n, d)) @ rng.normal(0, 0.5, (d, d)) + rng.normal(0, 1, d)
              for n in (30, 40, 50)]
    x = np.concatenate(groups)
    source = ArraySource.of(x, rng.exponential(size=len(x)) if weighted else None)
    model = replace(informed(Model.parse(3, d, name, **arguments), source), floor=FLOOR)
    start = Mixture([0.25, 0.35, 0.4], [g.mean(axis=0) for g in groups],
                    [np.cov(g.T) + 0.1 * np.eye(d) for g in groups])
    return source, model, model.conforming(start)


@needs_native
@every
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_native_climb_is_the_python_loop_step_for_step(name, kind, weighted):
    source, model, start = problem(name, 1, weighted, **MODELS[kind])
    assert climbs_natively(source, 3, model)
    units = Units.identity(3)
    for max_iter in (0,) if name in ITERATED else (0, 1, 2, 10):
        native = climb_many(source, [start], model, units, Stop(0.0, max_iter))[0]
        python = climb(source, start, model, units, Stop(0.0, max_iter))
        assert native.iterations == python.iterations == max_iter
        assert native.outcome is python.outcome is Outcome.NOT_CONVERGED
        for attribute in ("weights", "means", "covariances"):
            np.testing.assert_allclose(
                getattr(native.mixture, attribute), getattr(python.mixture, attribute),
                rtol=1e-9, atol=1e-11,
            )
        assert type(native.mixture.covariance) is type(python.mixture.covariance)
        assert native.loglik == pytest.approx(python.loglik, rel=1e-12, abs=1e-10)
        assert native.gradient == pytest.approx(python.gradient, rel=1e-6, abs=1e-11)
        # A prior on weights is natively without its constant.
        assert native.trace[-1] == native.objective and len(native.trace) == max_iter + 1
        np.testing.assert_allclose(native.trace - native.trace[0], python.trace - python.trace[0],
                                   rtol=1e-9, atol=1e-9)


@needs_native
@every
@pytest.mark.parametrize("kind", ["free", "conjugate"])
def test_both_climbs_stop_at_the_same_place_for_the_same_reason(name, kind):
    source, model, start = problem(name, 2, d=2, **MODELS[kind])
    for tol in (1e-2, 1e-9):
        native, python = (
            climb_many(source, [start], model, Units.identity(2), Stop(tol, 3000))[0],
            climb(source, start, model, Units.identity(2), Stop(tol, 3000)))
        assert native.outcome is python.outcome is Outcome.CONVERGED
        assert python.gradient <= tol and native.gradient <= tol
        assert (np.diff(native.trace) >= -1e-12 * abs(native.trace[-1])).all()
        if name not in ITERATED:
            assert abs(native.iterations - python.iterations) <= 1
    here, there = (run.loglik + model.log_prior(run.mixture) for run in (native, python))
    assert here == pytest.approx(there, rel=1e-11, abs=1e-9)
    np.testing.assert_allclose(native.mixture.covariances, python.mixture.covariances, rtol=1e-5,
                               atol=1e-7)


@needs_native
def test_climbs_in_internal_units_and_many_at_once():
    source, model, start = problem("VVV", 2)
    units = Units(np.array([0.3, -1.0, 0.0]), np.array([4.0, 0.5, 1.0]))
    starts = [start, start.inward(units), problem("VVV", 3)[2]]
    for threads in (1, 2, 3):
        together = climb_many(source, starts, model, units, Stop(0.0, 7), threads=threads)
        for begun, native in zip(starts, together, strict=True):
            python = climb(source, begun, model, units, Stop(0.0, 7))
            np.testing.assert_allclose(native.mixture.means, python.mixture.means, rtol=1e-9)
            assert native.loglik == pytest.approx(python.loglik, rel=1e-12)


@needs_native
def test_held_means_and_covariances_climb_in_python():
    source, model, _ = problem("VVV", 1)
    assert climbs_natively(source, 3, model)
    for arguments in ({"means": [[0.1, NAN, NAN], NAN, NAN]}, {"covariances": np.eye(3)},
                      {"prior": NormalPrior(0.0, 1.0)}):
        _, model, _ = problem("VVV", 1, **arguments)
        assert not climbs_natively(source, 3, model)


# Held values, in the units of the user


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("scale", [1.0, 0.1, 3e9])
@pytest.mark.parametrize("name", ["VII", "VVI", "VVV", "EEE", "VEV"])
def test_held_values_keep_their_bits_in_the_users_units(offset, scale, name):
    x = problem("VVV", 4, d=2)[0].points * scale + offset
    start = Mixture([0.2, 0.3, 0.5], x[[0, 40, 90]], [np.eye(2) * scale**2] * 3)
    held = np.array([[0.7, 0.2], [0.2, 0.6]]) * scale**2 / 3
    held = {"VII": held[0, 0] * np.eye(2), "VVI": np.diag(np.diag(held))}.get(name, held)
    some = name in SEPARATE
    arguments = {
        "covariance": name, "weights": [NAN, 1 / 3, 0.1],
        "means": [[scale / 3 + offset, NAN], NAN, [offset - scale / 7, offset + scale / 7]],
        "covariances": [np.full((2, 2), NAN), held, held] if some else held,
    }
    factor = np.linalg.cholesky(held) if name not in ("VII", "VVI") else np.sqrt(held)
    for step in itertools.islice(emix.steps(x, start, **arguments), 4):
        m = step.mixture
        assert m.weights[1:].tolist() == [1 / 3, 0.1]
        assert m.means[0, 0] == arguments["means"][0][0]
        assert m.means[2].tolist() == arguments["means"][2]
        for j in (1, 2) if some else (0, 1, 2):
            np.testing.assert_array_equal(m.covariance.factors[j], factor)
    found = emix.fit(x, 3, **arguments, start="kmeans++", n_starts=2, max_iter=200, tol=1e-6)
    values, m = found.model.held, found.mixture
    for given_values, now in ((values.weights, m.weights), (values.means, m.means)):
        np.testing.assert_array_equal(now[~np.isnan(given_values)],
                                      given_values[~np.isnan(given_values)])
    fixed = ~values.learned_covariances
    assert fixed.sum() == (2 if some else 3)
    np.testing.assert_array_equal(m.covariance.factors[fixed], np.stack([factor] * fixed.sum()))
    # Each with its own component, whatever order that is in.
    [row] = np.flatnonzero(values.weights == 0.1)
    assert m.means[row].tolist() == arguments["means"][2]
