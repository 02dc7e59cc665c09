"""The search: the native one against the one in Python, and what either promises."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import emix
from emix import Outcome
from emix.arrays import Block, Units
from emix.climbing.climb import Climb, Stop, native_terms
from emix.covariance import STRUCTURES
from emix.initialise import (
    STARTS,
    STARTS_OF_ROWS,
    Draws,
    SortedColumn,
    Table,
    named,
    named_of_rows,
)
from emix.kernels import NATIVE, PORTABLE
from emix.kmeans import optimal_breaks, optimal_breaks_portably
from emix.model import FLOOR, Model
from emix.moments import moments_of
from emix.searching.candidates import Candidate, rank
from emix.searching.plan import Plan
from emix.searching.search import explore, finish, follow, search, search_portably
from emix.searching.terrain import ColumnTerrain, TableTerrain
from emix.soundness.degenerate import least_worth
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
    return ColumnTerrain(column), Model.parse(k, 1, **model).inward(units, FLOOR)


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
    terrain, model = problem(x, k, **model)
    plan = short_plan(k)
    found = search(terrain, k, model, plan, 8, STOP)
    wanted = search_portably(terrain, k, model, plan, 8, STOP)
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
    terrain, model = problem(WAITING, 2)
    for candidate in path(terrain, 2, model, short_plan(2), 0, STOP):
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
    terrain, model = problem(WAITING, k)
    plan = Plan((kind,), chains=0, swaps=0, short_run=0)
    for seed in (0, 1, 2**64 - 1):
        [found] = search(terrain, k, model, plan, seed, Stop(1e-10, 0))
        wanted = model.conforming(named(kind)(terrain.column, k, Draws(seed, 0)))
        np.testing.assert_allclose(found.climb.mixture.weights, wanted.weights, rtol=1e-12)
        np.testing.assert_allclose(found.climb.mixture.means, wanted.means, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.climb.mixture.sds, wanted.sds, rtol=1e-12)


@needs_native
@pytest.mark.parametrize("name", ["galaxies V", "weights held", "priors", "a long tail"])
def test_bits_depend_on_nothing_but_the_seed(name):
    x, k, model = PROBLEMS[name]
    terrain, model = problem(x, k, **model)
    plan = Plan(Plan.default(k, 100).starts, 8, 30)
    bits = [
        [
            (c.climb.mixture.weights.tobytes(), c.climb.mixture.means.tobytes(),
             c.climb.mixture.sds.tobytes(), c.climb.trace.tobytes(), c.worth, c.starts)
            for c in search(terrain, k, model, plan, 3, STOP, threads)
        ]
        for threads in (1, 1, 2, 3, 8)
    ]
    assert all(other == bits[0] for other in bits)


@needs_native
def test_held_values_are_not_moved_by_a_bit():
    terrain, model = problem(WAITING, 3, weights=[0.1, np.nan, 0.3], means=[np.nan, 70.1, np.nan],
                            sds=[np.nan, np.nan, 5.3])
    held = model.held
    for candidate in search(terrain, 3, model, Plan.default(3, 51), 0, STOP):
        mixture = candidate.climb.mixture
        assert mixture.weights[0] == held.weights[0] and mixture.weights[2] == held.weights[2]
        assert mixture.means[1] == held.means[1] and mixture.sds[2] == held.sds[2]


@pytest.mark.parametrize("path", [search, search_portably])
def test_more_components_than_points(path):
    terrain, model = problem([1.0, 1.0, 2.0], 4, sds=1.0)
    for candidate in path(terrain, 4, model, Plan(tuple(STARTS), 2, 3), 0, Stop(1e-8, 50)):
        assert np.isfinite(candidate.climb.objective)


@needs_native
@pytest.mark.parametrize("name", ["faithful V", "fractional weights", "weights held", "sds held",
                                  "a long tail", "four components"])
def test_worth_is_that_of_python(name):
    x, k, model = PROBLEMS[name]
    terrain, model = problem(x, k, **model)
    starts = (*Plan.default(k, 100).starts, *["random"] * 10)
    plan = Plan(starts, chains=0, swaps=0, short_run=3, kept=30)
    for c in search(terrain, k, model, plan, 11, Stop(1e-10, 0)):
        wanted = least_worth(terrain.column, c.climb.mixture, model)
        assert c.worth == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@needs_native
def test_worth_of_components_far_apart_and_very_narrow():
    """Where densities underflow: all but one of them, at every point."""
    x = np.concatenate([np.linspace(-1, 1, 40), [500.0, 500.0 + 1e-6, 500.0 + 2e-6]])
    terrain, model = problem(x, 2)
    [found, *_] = search(terrain, 2, model, Plan(("kmeans",), 0, 0), 0, Stop(1e-10, 2000))
    wanted = least_worth(terrain.column, found.climb.mixture, model)
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
@pytest.mark.parametrize("x", [
    np.random.default_rng(0).standard_cauchy(3000) ** 3,  # nearly all in one bin
    np.concatenate([np.arange(300.0), [1e300]]),
    np.array([1.7e308, -1.7e308, 0.0, 1e308]),  # a range beyond the doubles
    np.arange(40) * 5e-324,  # and one below their precision
    np.array([0.0, -0.0, 1.0, -0.0]),
    np.repeat([3.0, 1.0, 2.0], 50),
], ids=["tails", "outlier", "huge", "tiny", "zeros", "ties"])
@pytest.mark.parametrize("weighted", [False, True])
def test_columns_that_bins_do_not_part_are_sorted_too(x, weighted):
    rng = np.random.default_rng(len(x))
    x, w = rng.permutation(x), 1 / rng.integers(1, 99, len(x)) if weighted else None
    points, weight, _ = _native.sorted_column(x, w, 0.0, 1.0)
    wanted, which = np.unique(x, return_inverse=True)
    assert np.array_equal(points, wanted)
    # Weights of ties are added in the order of the rows.
    assert np.array_equal(weight, np.bincount(which, w))


@needs_native
def test_of_equally_good_breaks_both_kernels_take_the_same():
    even, mirrored = np.arange(9.0), np.array([-3.0, -1.0, 0.0, 0.5, 2.0])
    for x in (even, np.concatenate([mirrored, 10 - mirrored[::-1]]), np.array([0.0, 1.0, 2.0]),
              np.array([1.0, 1.0]), np.repeat(even, 7)):
        assert np.array_equal(optimal_breaks(x, 2), optimal_breaks_portably(x, 2, None))


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


def ctrl_c_in(fit: str, stage: str) -> str:
    """What a program prints whose fit is interrupted soon after it has come to a stage."""
    code = (
        "import _thread, threading, warnings, numpy as np, emix\n"
        "from emix.searching import direct, rounds, search\n"
        "warnings.simplefilter('ignore')\n"
        f"stage = {stage}\n"
        "def pressed(*arguments):\n"
        f"    {stage} = stage\n"
        "    threading.Timer(0.2, _thread.interrupt_main).start()\n"
        "    return stage(*arguments)\n"
        f"{stage} = pressed\n"
        "rng = np.random.default_rng(0)\n"
        f"found = {fit}\n"
        "print(found.outcome.value, len(found.trace) == found.n_iter + 1,\n"
        "      found.trace[-1] == found.objective)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=60, env=os.environ)
    return done.stdout + done.stderr


@needs_native
def test_ctrl_c_ends_a_search(tmp_path):
    fit = "emix.fit(rng.standard_t(2, 16000), 8)"
    assert ctrl_c_in(fit, "direct.fit_directly") == "interrupted True True\n"
    fit = f"emix.fit(rng.standard_t(2, 16000), 8, checkpoint={str(tmp_path / 'fit.json')!r})"
    assert ctrl_c_in(fit, "search._search_column") == "interrupted True True\n"


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
    terrain, model = problem(WAITING, 2)
    column = terrain.column
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


# Several columns


def table_problem(x, k, name="VVV", weight=None, **model):
    source = ArraySource.of(x, weight)
    moments = moments_of(source)
    rule = Model.parse(k, source.n_features, name, **model)
    units = Units.of_spread(moments.mean, moments.sd, not rule.structure.is_scale_free)
    return TableTerrain(Table.of(source.block, units)), rule.inward(units, FLOOR)


IRIS = emix.datasets.load("iris").data
FAITHFUL = emix.datasets.load("faithful").data
SMALL = Plan(("hierarchical", "quantiles", "kmeans", "random"), 2, 3)


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("kind", STARTS_OF_ROWS)
def test_starts_of_a_search_in_several_columns_are_those_of_the_table(kind, name):
    terrain, model = table_problem(FAITHFUL, 3, name)
    plan = Plan((kind,), chains=0, swaps=0, short_run=0)
    [found] = search(terrain, 3, model, plan, 5, Stop(1e-10, 0))
    wanted = model.conforming(named_of_rows(kind)(terrain.table, 3, Draws(5, 0)))
    np.testing.assert_allclose(found.climb.mixture.weights, wanted.weights, rtol=1e-12)
    np.testing.assert_allclose(found.climb.mixture.means, wanted.means, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.climb.mixture.covariances, wanted.covariances, rtol=1e-8,
                               atol=1e-10)


@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "VEV"])
def test_bits_depend_on_nothing_but_the_seed_in_several_columns(name):
    terrain, model = table_problem(FAITHFUL, 3, name, np.linspace(0.5, 2, 272))
    bits = [
        [
            (c.climb.mixture.weights.tobytes(), c.climb.mixture.means.tobytes(),
             c.climb.mixture.covariance.factors.tobytes(), c.climb.trace.tobytes(), c.worth,
             c.starts)
            for c in search(terrain, 3, model, SMALL, 3, Stop(1e-4, 100), threads)
        ]
        for threads in ((1, 1, 2, 3) if NATIVE else (1, 1))
    ]
    assert all(other == bits[0] for other in bits)


@pytest.mark.parametrize("name", ["VVV", "EEI", "EVE"])
def test_trace_leads_from_the_start_to_the_summit_in_several_columns(name):
    terrain, model = table_problem(FAITHFUL, 2, name)
    for candidate in search(terrain, 2, model, SMALL, 0, Stop(1e-6, 300)):
        climb = candidate.climb
        assert len(climb.trace) == climb.iterations + 1
        assert climb.trace[-1] == pytest.approx(climb.objective, rel=1e-12)
        assert (np.diff(climb.trace) >= -1e-9).all()


@pytest.mark.parametrize("arguments", [
    {"weights": [0.1, np.nan, 0.3]}, {"means": [[np.nan, 70.1], np.nan, [4.0, 80.0]]},
    {"covariances": [np.diag([0.1, 30.0]), np.full((2, 2), np.nan), np.full((2, 2), np.nan)]},
    {"prior": emix.NormalPrior([3.0, 70.0], [0.5, 5.0])},
])
def test_held_values_are_not_moved_by_a_bit_in_several_columns(arguments):
    terrain, model = table_problem(FAITHFUL, 3, **arguments)
    held = model.held
    for candidate in search(terrain, 3, model, SMALL, 0, Stop(1e-3, 30)):
        mixture = candidate.climb.mixture
        for values, now in ((held.weights, mixture.weights), (held.means, mixture.means)):
            np.testing.assert_array_equal(now[~np.isnan(values)], values[~np.isnan(values)])
        known = ~held.learned_covariances
        if known.any():
            np.testing.assert_array_equal(mixture.covariance.factors[known],
                                          held.covariances.factors[known])


def test_a_search_climbs_at_least_as_high_as_its_starts_alone():
    terrain, model = table_problem(IRIS, 3)
    alone = search(terrain, 3, model, Plan(SMALL.starts, 0, 0), 1, Stop(1e-6, 400))
    swapped = search(terrain, 3, model, Plan(SMALL.starts, 4, 12), 1, Stop(1e-6, 400))
    assert rank(swapped[0]) >= rank(alone[0])
    assert swapped[0].is_sound


def test_more_components_than_rows_where_covariances_are_held():
    terrain, model = table_problem(IRIS[:3], 5, covariances=np.eye(4))
    plan = Plan(tuple(STARTS_OF_ROWS), 2, 3)
    for candidate in search(terrain, 5, model, plan, 0, Stop(1e-6, 50)):
        assert np.isfinite(candidate.climb.objective)


@needs_native
def test_ctrl_c_ends_a_search_in_several_columns():
    fit = "emix.fit(rng.standard_t(2, (16000, 3)), 8)"
    assert ctrl_c_in(fit, "search.swap_tables") == "interrupted True True\n"


@needs_native
def test_ctrl_c_ends_one_long_native_climb():
    fit = ("emix.fit(rng.standard_t(2, (16000, 8)), 4, max_iter=100000, tol=0, start=emix.Mixture("
           "[1 / 4] * 4, rng.normal(size=(4, 8)), [np.eye(8)] * 4))")
    assert "interrupted True" in ctrl_c_in(fit, "rounds.continued")


@needs_native
def test_signals_that_are_not_ctrl_c_are_raised_as_they_are():
    """A program's own alarm ends a native climb and a native search, with its own error."""
    code = (
        "import signal, sys, numpy as np, emix\n"
        "class Alarm(Exception): pass\n"
        "def ring(*_): raise Alarm\n"
        "signal.signal(signal.SIGALRM, ring)\n"
        "rng = np.random.default_rng(0)\n"
        "for x in (rng.standard_t(2, 16000), rng.standard_t(2, (16000, 3))):\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.3)\n"
        "    try: emix.fit(x, 12)\n"
        "    except Alarm: print('alarm')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=60, env=os.environ)
    assert done.stdout == "alarm\nalarm\n"


# The stages, on a terrain made of numbers


class Hills:
    """Climbs that end where a table says: objective and worth by the start's first mean."""

    total = 1.0

    def __init__(self, summits: dict[float, tuple[float, float]]) -> None:
        self.summits, self.climbed = summits, []

    def run(self, starts, model, stop, threads):
        return [self._end(start, stop) for start in starts]

    def climb_on(self, start, model, stop, threads):
        return self._end(start, stop)

    def run_from_home(self, starts, homes, model, short, threads):
        ends = [self._end(start, short) for start in starts]
        return [None if self._same(end.climb.mixture, home) else end
                for end, home in zip(ends, homes, strict=True)]

    def _end(self, start, stop) -> Candidate:
        place = float(start.means[0, 0])
        self.climbed.append(place)
        objective, worth = self.summits[place]
        outcome = Outcome.CONVERGED if stop.max_iter >= 100 else Outcome.NOT_CONVERGED
        steps = min(stop.max_iter, 100)
        trace = np.linspace(objective - 1, objective, steps + 1)
        return Candidate(Climb(start, objective, objective, 1e-12, steps, outcome, trace), worth)

    def _same(self, one, other) -> bool:
        return float(one.means[0, 0]) == float(other.means[0, 0])


def at(place: float) -> emix.Mixture:
    return emix.Mixture.univariate([1.0], [place], [1.0])


def candidate(place: float, objective: float, worth: float = 9.0) -> Candidate:
    climb = Climb(at(place), objective, objective, 1.0, 5, Outcome.NOT_CONVERGED, np.zeros(6))
    return Candidate(climb, worth)


def places(found: list[Candidate]) -> list[float]:
    return [float(c.climb.mixture.means[0, 0]) for c in found]


def test_runs_that_come_to_where_the_first_ended_count_as_ended_there():
    hills = Hills({1.0: (5.0, 9.0), 2.0: (7.0, 9.0)})
    found = explore(hills, [at(1.0), at(1.0), at(2.0), at(1.0)], None, Stop(1e-3, 10), 1)
    assert places(found) == [2.0, 1.0] and [c.starts for c in found] == [1, 3]
    assert places(explore(hills, [at(1.0)], None, Stop(1e-3, 10), 1)) == [1.0]


def test_what_was_sound_on_the_way_and_is_not_at_its_summit_makes_room_for_the_next():
    hills = Hills({float(p): (10.0 - p, -9.0 if p < 3 else 9.0) for p in range(8)})
    found = [candidate(float(p), 5.0 - p) for p in range(8)]
    ends = finish(found, hills, None, 2, Stop(1e-6, 100), 1)
    assert [c.is_sound for c in ends[:2]] == [True, True]
    assert places(ends)[:2] == [3.0, 4.0 if 4.0 in places(ends) else 3.0]
    # No further than it must.
    assert 7.0 not in hills.climbed
    assert all(c.climb.iterations == 105 and len(c.climb.trace) == 106 for c in ends)


def test_of_degenerate_ones_the_first_is_climbed_and_named():
    hills = Hills({0.0: (99.0, -9.0), 1.0: (98.0, -9.0), 2.0: (3.0, 9.0)})
    found = [candidate(2.0, 1.0), candidate(0.0, 9.0, -9.0), candidate(1.0, 8.0, -9.0)]
    ends = finish(found, hills, None, 3, Stop(1e-6, 100), 1)
    assert places(ends) == [2.0, 0.0] and 1.0 not in hills.climbed


def test_optima_are_followed_to_the_end_the_best_first():
    hills = Hills({1.0: (5.0, 9.0), 2.0: (4.0, 9.0), 3.0: (1.0, 9.0)})
    # The second is better once the first has been followed down to what it is.
    found = [candidate(2.0, 4.5), candidate(1.0, 4.4), candidate(3.0, 0.5)]
    followed = follow(found, hills, None, Stop(1e-6, 200), 1)
    assert places(followed) == [1.0, 2.0, 3.0]
    assert [c.climb.outcome for c in followed] == [Outcome.CONVERGED] * 3
    assert hills.climbed == [2.0, 1.0, 3.0]
    # Nothing is left to follow with.
    assert follow(found, hills, None, Stop(1e-6, 5), 1) == found


# Plans


def test_a_plan_of_several_columns_costs_what_it_may():
    assert Plan.of_rows(1, 100, 3, True) == Plan(("quantiles",), chains=0, swaps=0)
    for k, n, d in ((2, 100, 2), (5, 100, 2), (5, 16_000, 10), (9, 16_000, 30)):
        natively, portably = (Plan.of_rows(k, n, d, native) for native in (True, False))
        assert natively.starts[0] == "hierarchical"
        assert natively.swaps >= portably.swaps >= 1 or natively.swaps >= 1
        assert len(natively.starts) >= len(portably.starts) >= 4
        assert set(natively.starts) <= set(STARTS_OF_ROWS)
    few, many = Plan.of_rows(4, 100, 2, True), Plan.of_rows(4, 100_000, 2, True)
    assert few.swaps >= many.swaps


def test_so_many_starts_of_one_kind_or_varied():
    assert Plan.of_starts(7, several=True).starts[:2] == ("hierarchical", "quantiles")
    assert len(Plan.of_starts(7, several=True).starts) == 7
    assert Plan.of_starts(5, "kmeans", several=True).starts == ("kmeans",) * 5
    # What chance has no part in is made once: K-Means in one column, agglomeration in more.
    assert Plan.of_starts(5, "hierarchical", several=True).starts == ("hierarchical",)
    assert Plan.of_starts(5, "kmeans").starts == ("kmeans",)
    assert Plan.of_starts(5, "quantiles", several=True).swaps == 0
