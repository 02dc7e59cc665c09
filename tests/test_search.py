"""The search: the native one against the one in Python, and what either promises."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import emix
from emix.arrays import Block, Units
from emix.climbing import Stop, native_terms
from emix.initialise import STARTS, Draws, SortedColumn, named
from emix.kernels import NATIVE, PORTABLE
from emix.kmeans import optimal_breaks, optimal_breaks_portably
from emix.model import FLOOR, Model
from emix.moments import moments_of
from emix.plan import Plan
from emix.search import imposed, search, search_portably
from emix.soundness import least_worth
from emix.sources.array import ArraySource

needs_native = pytest.mark.skipif(NATIVE is None, reason="native kernel not built")
if NATIVE is not None:
    from emix.kernels import _native

STOP = Stop(1e-10, 5000)
PRIOR = [emix.NormalPrior(60.0, 30.0), emix.DirichletPrior(2.0)]


def column_of(x, weight=None):
    """A column as `fit` looks at it, and the units it does so in."""
    source = ArraySource.of(x, weight)
    moments = moments_of(source)
    units = Units.of_spread(moments.mean, moments.sd)
    return SortedColumn.of(source.block, units), units


def data(name, column):
    return emix.datasets.load(name)[column]


def problem(x, k, weight=None, **model):
    column, units = column_of(x, weight)
    return column, Model.parse(k, 1, **model).inward(units, FLOOR)


def skewed(n, seed=1):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n // 2), rng.gamma(2.0, 3.0, n - n // 2)]).round(2)


WAITING = data("faithful", "waiting")
GALAXIES = data("galaxies", "velocity")
ACIDITY = data("acidity", "acidity")
COUNTS = np.random.default_rng(3).integers(0, 4, len(ACIDITY)).astype(float)
PROBLEMS = {
    "one component": (WAITING, 1, {}),
    "faithful V": (WAITING, 2, {}),
    "faithful E": (WAITING, 2, {"covariance": "E"}),
    "galaxies V": (GALAXIES, 3, {}),
    "galaxies E": (GALAXIES, 4, {"covariance": "E"}),
    "sample weights": (ACIDITY, 2, {"weight": COUNTS}),
    "fractional weights": (ACIDITY, 2, {"weight": COUNTS * 0.3}),
    "weights held": (WAITING, 3, {"weights": [0.2, np.nan, 0.5]}),
    "means held": (WAITING, 2, {"means": [55.0, np.nan]}),
    "sds held": (WAITING, 2, {"sds": [np.nan, 6.0]}),
    "common sd held": (WAITING, 3, {"covariance": "E", "sds": 5.0}),
    "everything held": (WAITING, 2, {"weights": [0.3, 0.7], "means": [55.0, 80.0], "sds": 6.0}),
    "priors": (WAITING, 3, {"prior": PRIOR}),
    "a long tail": (skewed(150), 3, {}),
    "four components": (ACIDITY, 4, {}),
}


def short_plan(k):
    return Plan.default(k, 100) if k < 3 else Plan(Plan.default(k, 100).starts[:6], 3, 4)


@needs_native
@pytest.mark.parametrize("name", PROBLEMS)
def test_native_search_is_the_python_search(name):
    x, k, model = PROBLEMS[name]
    column, model = problem(x, k, **model)
    plan = short_plan(k)
    found = search(column, k, model, plan, 8, STOP)
    wanted = search_portably(column, k, model, plan, 8, STOP)
    assert [c.starts for c in found] == [c.starts for c in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one.climb.objective == pytest.approx(other.climb.objective, rel=1e-9)
        assert one.climb.outcome is other.climb.outcome
        assert one.worth == pytest.approx(other.worth, abs=1e-3)
        mine, theirs = one.climb.mixture, other.climb.mixture
        sds = theirs.sds
        # A degenerate or slow summit is known less well than its objective.
        atol = 1e-6 if one.is_sound and one.climb.iterations < 500 else 1e-3
        np.testing.assert_allclose(mine.means[:, 0] / sds, theirs.means[:, 0] / sds, atol=atol)
        np.testing.assert_allclose(mine.sds / sds, 1, atol=atol)
        np.testing.assert_allclose(mine.weights, theirs.weights, atol=atol)


@pytest.mark.parametrize("path", [search, search_portably])
def test_trace_leads_from_the_start_to_the_summit(path):
    column, model = problem(WAITING, 2)
    for candidate in path(column, 2, model, short_plan(2), 0, STOP):
        climb = candidate.climb
        assert len(climb.trace) == climb.iterations + 1
        assert climb.trace[-1] == climb.objective
        assert (np.diff(climb.trace) >= -1e-9).all()


@needs_native
def test_climbs_from_given_starts_have_a_trace():
    start = emix.Mixture.univariate([0.5, 0.5], [50.0, 70.0], [5.0, 5.0])
    found = emix.fit(WAITING, 2, start=start)
    assert len(found.trace) == found.n_iter + 1
    assert found.trace[-1] == pytest.approx(found.objective, rel=1e-12)


@needs_native
@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_native_starts_are_those_of_the_table(kind, k):
    column, model = problem(WAITING, k)
    plan = Plan((kind,), chains=0, swaps=0, short_run=0)
    for seed in (0, 1, 2**64 - 1):
        [found] = search(column, k, model, plan, seed, Stop(1e-10, 0))
        wanted = imposed(named(kind)(column, k, Draws(seed, 0)), model)
        np.testing.assert_allclose(found.climb.mixture.weights, wanted.weights, rtol=1e-12)
        np.testing.assert_allclose(found.climb.mixture.means, wanted.means, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.climb.mixture.sds, wanted.sds, rtol=1e-12)


@needs_native
@pytest.mark.parametrize("name", ["galaxies V", "weights held", "priors", "a long tail"])
def test_bits_depend_on_nothing_but_the_seed(name):
    x, k, model = PROBLEMS[name]
    column, model = problem(x, k, **model)
    plan = Plan(Plan.default(k, 100).starts, 8, 30)
    bits = [
        [
            (c.climb.mixture.weights.tobytes(), c.climb.mixture.means.tobytes(),
             c.climb.mixture.sds.tobytes(), c.climb.trace.tobytes(), c.worth, c.starts)
            for c in search(column, k, model, plan, 3, STOP, threads)
        ]
        for threads in (1, 1, 2, 3, 8)
    ]
    assert all(other == bits[0] for other in bits)


@needs_native
def test_held_values_are_not_moved_by_a_bit():
    column, model = problem(WAITING, 3, weights=[0.1, np.nan, 0.3], means=[np.nan, 70.1, np.nan],
                            sds=[np.nan, np.nan, 5.3])
    held = model.held
    for candidate in search(column, 3, model, Plan.default(3, 51), 0, STOP):
        mixture = candidate.climb.mixture
        assert mixture.weights[0] == held.weights[0] and mixture.weights[2] == held.weights[2]
        assert mixture.means[1] == held.means[1] and mixture.sds[2] == held.sds[2]


@pytest.mark.parametrize("path", [search, search_portably])
def test_more_components_than_points(path):
    column, model = problem([1.0, 1.0, 2.0], 4, sds=1.0)
    for candidate in path(column, 4, model, Plan(tuple(STARTS), 2, 3), 0, Stop(1e-8, 50)):
        assert np.isfinite(candidate.climb.objective)


@needs_native
@pytest.mark.parametrize("name", ["faithful V", "fractional weights", "weights held", "sds held",
                                  "a long tail", "four components"])
def test_worth_is_that_of_python(name):
    x, k, model = PROBLEMS[name]
    column, model = problem(x, k, **model)
    starts = (*Plan.default(k, 100).starts, *["random"] * 10)
    plan = Plan(starts, chains=0, swaps=0, short_run=3, kept=30)
    for c in search(column, k, model, plan, 11, Stop(1e-10, 0)):
        wanted = least_worth(column, c.climb.mixture, model)
        assert c.worth == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@needs_native
def test_worth_of_components_far_apart_and_very_narrow():
    """Where densities underflow: all but one of them, at every point."""
    x = np.concatenate([np.linspace(-1, 1, 40), [500.0, 500.0 + 1e-6, 500.0 + 2e-6]])
    column, model = problem(x, 2)
    [found, *_] = search(column, 2, model, Plan(("kmeans",), 0, 0), 0, Stop(1e-10, 2000))
    wanted = least_worth(column, found.climb.mixture, model)
    assert found.worth == pytest.approx(wanted, rel=1e-9)


@needs_native
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 272, 4095, 4096, 30_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_sorted_column(n, weighted, dtype):
    rng = np.random.default_rng(n)
    x = rng.normal(50, 10, n).round(2 if n > 10 else 0).astype(dtype)
    x[rng.integers(0, n, 3)] *= 0
    x[rng.integers(0, n, 2)] *= -1
    w = rng.integers(0, 4, n) * 0.25 if weighted else None
    if weighted:
        w[0] = 1.0
    points, weight, sd = _native.sorted_column(x, w, 50.0, 0.125)
    z, all_weights = (x.astype(float) - 50) * 0.125, np.ones(n) if w is None else w
    wanted, which = np.unique(z[all_weights > 0], return_inverse=True)
    assert np.array_equal(points, wanted)
    assert np.array_equal(weight, np.bincount(which, all_weights[all_weights > 0]))
    mean = np.average(z, weights=all_weights)
    assert sd == pytest.approx(np.sqrt(np.average((z - mean) ** 2, weights=all_weights)))


@needs_native
@pytest.mark.parametrize("k", [1, 2, 3, 9, 40])
@pytest.mark.parametrize("weighted", [False, True])
def test_native_breaks_are_the_portable_ones(k, weighted):
    rng = np.random.default_rng(k)
    for n in (1, 2, 40, 700):
        x = np.sort(rng.normal(size=n).round(6))
        weight = rng.exponential(size=n) if weighted else None
        assert np.array_equal(optimal_breaks(x, k, weight), optimal_breaks_portably(x, k, weight))


@needs_native
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (5, 2), (272, 2), (1000, 7), (30_000, 3), (99, 40)])
def test_classification_is_the_portable_one(n, k, weighted, dtype):
    rng = np.random.default_rng(n + k)
    mixture = emix.Mixture.univariate(
        rng.dirichlet(np.ones(k)), rng.normal(0, 5, k), rng.uniform(0.2, 2, k)
    )
    points = rng.normal(0, 6, n).astype(dtype)
    points[-1] = 1e6
    weight = rng.exponential(size=n) if weighted else None
    block = Block(points[:, None], weight)
    found = [NATIVE.classification(mixture, block, threads) for threads in (1, 2, 3, 8)]
    assert len(set(found)) == 1
    assert found[0] == pytest.approx(PORTABLE.classification(mixture, block), rel=1e-9, abs=1e-9)


@needs_native
def test_ctrl_c_ends_a_search():
    code = (
        "import _thread, threading, numpy as np, emix\n"
        "x = np.random.default_rng(0).standard_t(2, 16000)\n"
        "threading.Timer(0.3, _thread.interrupt_main).start()\n"
        "emix.fit(x, 8)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=60, env=os.environ)
    assert "KeyboardInterrupt" in done.stderr


@needs_native
@pytest.mark.skipif(NATIVE is None or len(_native.instruction_sets()) < 2,
                    reason="one instruction set only")
def test_every_instruction_set_finds_the_same():
    code = (
        "import emix\n"
        "x = emix.datasets.load('galaxies')['velocity']\n"
        "print(*(o.objective for o in emix.fit(x, 3).optima))\n"
    )
    found = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={**os.environ, "EMIX_INSTRUCTION_SET": level}).stdout.split()
        for level in _native.instruction_sets()
    ]
    for other in found[1:]:
        np.testing.assert_allclose(np.array(other, float), np.array(found[0], float), rtol=1e-9)


@needs_native
def test_search_refuses_what_makes_no_sense():
    column, model = problem(WAITING, 2)
    rest = (0, 0, 0, 60, 6, 1e-4, 0, 1e-10, 100, 1)
    for points, kinds in ((column.points[1:], [0]), (column.points, [5]), (column.points, [-1])):
        with pytest.raises(ValueError, match=r"shape|start"):
            _native.search(points, column.weight, column.sd, 2, *native_terms(model), kinds, *rest)


@needs_native
def test_few_starts_find_the_best_of_two_components():
    """The default plan for two components, on data whose best is known to be found."""
    for name, column in (("faithful", "waiting"), ("faithful", "eruptions"),
                         ("acidity", "acidity"), ("enzyme", "enzyme"), ("galaxies", "velocity"),
                         ("iris", "Petal_Length"), ("iris", "Petal_Width")):
        x = data(name, column)
        best = {round(emix.fit(x, 2, seed=seed).loglik, 6) for seed in range(100)}
        assert len(best) == 1, name
