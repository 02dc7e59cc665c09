"""Native climbs of tables against EM written out in NumPy, and their promises about bits."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenient import exp, lenient, logsumexp
from scipy.special import gammaln

from emix.covariance import STRUCTURES, Dense
from emix.datasets import load

native = pytest.importorskip("emix.kernels._native", reason="native kernel not built")

LOG_2PI = np.log(2 * np.pi)
FLOOR = 2.0**-44
CONVERGED, NOT_CONVERGED, FELL, NOT_FINITE, COLLAPSED, CAME_HOME = range(6)
VARYING = [name for name, rule in STRUCTURES.items() if not rule.is_common]
# One M-step of these is exact; the others are begun where they were left.
CLOSED = ("EII", "VII", "EEI", "EVI", "VVI", "EEE", "EEV", "EVV", "VVV")
every_structure = pytest.mark.parametrize("name", STRUCTURES)


def table(name: str) -> np.ndarray:
    """A bundled table in units near its own, all columns scaled alike."""
    data = load(name).data
    return (data - data.mean(axis=0)) / 2.0 ** np.round(np.log2(data.std()))


def start(x: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, ...]:
    """Weights, means and factors of a few rounds of K-Means."""
    rng = np.random.default_rng(seed)
    means = x[rng.choice(len(x), k, replace=False)]
    for _ in range(4):
        labels = ((x[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
        means = np.stack([x[labels == j].mean(axis=0) for j in range(k)])
    everyone = 0.1 * np.cov(x.T).reshape(x.shape[1], x.shape[1])
    own = [np.cov(x[labels == j].T) if (labels == j).sum() > 2 else 0.0 for j in range(k)]
    factors = np.linalg.cholesky(np.stack([everyone + s for s in own]))
    weights = np.bincount(labels, minlength=k) / len(x)
    return weights, means, factors


def starts(x: np.ndarray, k: int, seeds) -> tuple[np.ndarray, ...]:
    return tuple(np.stack(part) for part in zip(*(start(x, k, s) for s in seeds), strict=True))


@dataclass(frozen=True)
class Terms:
    """What is held and believed, as the kernel takes it."""

    k: int
    d: int
    held: object = np.nan
    concentration: object = 1.0
    pseudo_mean: object = 0.0
    pseudo_count: float = 0.0
    extra_weight: float = 0.0
    extra_scatter: object = 0.0
    floor: float = FLOOR

    def arguments(self):
        return (
            np.full(self.k, self.held, dtype=float), np.full(self.k, self.concentration, float),
            np.full(self.d, self.pseudo_mean, dtype=float), self.pseudo_count, self.extra_weight,
            self.scatter, self.floor,
        )

    @property
    def scatter(self) -> np.ndarray:
        return np.zeros((self.d, self.d)) + self.extra_scatter


@dataclass(frozen=True)
class Climbs:
    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    objective: np.ndarray
    loglik: np.ndarray
    gradient: np.ndarray
    iterations: np.ndarray
    outcome: np.ndarray
    traces: list

    def mixture(self, s: int = 0):
        return self.weights[s], self.means[s], self.factors[s]


def climbs(x, name, begun, *, w=None, terms=None, max_iter=3000, tol=1e-10, threads=1,
           homes=None, heights=None) -> Climbs:
    weights, means, factors = begun
    if terms is None:
        terms = Terms(*means.shape[1:])
    *ends, lengths, traces = native.climb_table(
        np.ascontiguousarray(x), w, name, weights, means, factors, *terms.arguments(), max_iter,
        tol, threads, homes, True, heights,
    )
    return Climbs(*ends, np.split(traces, np.cumsum(lengths)[:-1]))


# EM in NumPy. ----------------------------------------------------------------------------------


@lenient
def log_parts(x, weights, means, factors):
    logs = np.empty((len(x), len(weights)))
    for j, lower in enumerate(factors):
        u = np.linalg.solve(lower, (x - means[j]).T)
        logs[:, j] = np.log(weights[j]) - np.log(np.diagonal(lower)).sum() - 0.5 * (u * u).sum(0)
    return logs - 0.5 * x.shape[1] * LOG_2PI


@lenient
def scatters(x, w, r, means):
    return np.stack([((w * r[:, j])[:, None] * (x - m)).T @ (x - m) for j, m in enumerate(means)])


def in_form(scatter, name):
    form = STRUCTURES[name].scatter_form
    if form == "pooled":
        return scatter.sum(axis=0, keepdims=True)
    return np.einsum({"spherical": "kii->k", "diagonal": "kii->ki", "full": "kij->kij"}[form],
                     scatter)


def with_prior(scatter, means, terms):
    away = means - np.full(terms.d, terms.pseudo_mean)
    return scatter + terms.scatter + terms.pseudo_count * np.einsum("ki,kj->kij", away, away)


def log_prior(weights, means, factors, terms):
    held = np.full(terms.k, terms.held, dtype=float)
    free = np.isnan(held)
    alpha = np.full(terms.k, terms.concentration, dtype=float)
    shares = weights[free] / (1 - held[~free].sum())
    total = ((alpha[free] - 1) * np.log(shares)).sum()
    if (alpha != 1).any() and free.any():
        total += gammaln(alpha[free].sum()) - gammaln(alpha[free]).sum()
    matrices = factors @ np.swapaxes(factors, 1, 2)
    own = with_prior(np.zeros_like(factors), means, terms)
    total -= 0.5 * np.einsum("kii->k", np.linalg.solve(matrices, own)).sum()
    return total - 0.5 * terms.extra_weight * np.linalg.slogdet(matrices)[1].sum()


def objective(x, mixture, terms, w=None):
    w = np.ones(len(x)) if w is None else w
    return w @ logsumexp(log_parts(x, *mixture), axis=1) + log_prior(*mixture, terms)


@lenient
def gradient(x, mixture, name, terms, w=None):
    """The largest slope of the objective per unit of weight, as `emix.maximise` takes it."""
    w = np.ones(len(x)) if w is None else w
    weights, means, factors = mixture
    logs = log_parts(x, *mixture)
    r = exp(logs - logsumexp(logs, axis=1)[:, None])
    counts, free = w @ r, np.isnan(np.full(terms.k, terms.held, dtype=float))
    slopes = [np.zeros(1)]
    if free.sum() > 1:
        claims = (counts + np.full(terms.k, terms.concentration, float) - 1)[free]
        slopes.append(claims - weights[free] / weights[free].sum() * claims.sum())
    pull = terms.pseudo_count * (np.full(terms.d, terms.pseudo_mean) - means)
    for j, lower in enumerate(factors):
        slopes.append(np.linalg.solve(lower, (w * r[:, j]) @ (x - means[j]) + pull[j]))
    scatter = in_form(with_prior(scatters(x, w, r, means), means, terms), name)
    rule, everyone = STRUCTURES[name], np.ones(terms.k, dtype=bool)
    value = rule.conform(Dense(factors), weights)
    slopes.append(rule.gradient(value, scatter, counts + terms.extra_weight, everyone, terms.floor))
    return np.abs(np.concatenate(slopes)).max() / w.sum()


@lenient
def steps(x, mixture, name, terms, count, w=None):
    """`count` steps of EM: weights, means, then covariances about the new means."""
    w = np.ones(len(x)) if w is None else w
    rule, everyone = STRUCTURES[name], np.ones(terms.k, dtype=bool)
    weights, means, factors = mixture
    value = rule.conform(Dense(factors), weights)
    held = np.full(terms.k, terms.held, dtype=float)
    free = np.isnan(held)
    for _ in range(count):
        logs = log_parts(x, weights, means, value.factors)
        r = exp(logs - logsumexp(logs, axis=1)[:, None])
        counts = w @ r
        claims = (counts + np.full(terms.k, terms.concentration, float) - 1)[free]
        weights = held.copy()
        weights[free] = (1 - held[~free].sum()) * claims / claims.sum()
        sums = (w[:, None] * r).T @ x + terms.pseudo_count * np.full(terms.d, terms.pseudo_mean)
        means = sums / (counts + terms.pseudo_count)[:, None]
        scatter = in_form(with_prior(scatters(x, w, r, means), means, terms), name)
        value = rule.maximise(value, scatter, counts + terms.extra_weight, everyone, terms.floor)
    return weights, means, value.factors


def same(found, wanted, tolerance=1e-9):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * (1 + abs(other).max()))


# M-steps. --------------------------------------------------------------------------------------


def expected_loglik(factors, scatter, weight):
    matrices = factors @ np.swapaxes(factors, 1, 2)
    traces = np.einsum("kii->k", np.linalg.solve(matrices, scatter))
    return -0.5 * (weight @ np.linalg.slogdet(matrices)[1] + traces.sum())


def scattered(rng, k, d):
    root = rng.normal(size=(k, d, d + 3)) * np.exp(rng.normal(0, 0.7, (k, d, 1)))
    return root @ np.swapaxes(root, 1, 2), rng.uniform(2, 30, k)


@every_structure
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 7, 12])
def test_one_m_step_is_that_of_the_structure(name, d):
    for seed in range(6):
        rng = np.random.default_rng(100 * d + seed)
        k = int(rng.integers(1, 6))
        scatter, weight = scattered(rng, k, d)
        old = np.linalg.cholesky(scattered(rng, k, d)[0])
        found = native.maximise_table(name, scatter, weight, old, FLOOR)
        assert (np.triu(found, 1) == 0).all()
        rule, everyone = STRUCTURES[name], np.ones(k, dtype=bool)
        value = rule.conform(Dense(old), weight)
        form = in_form(scatter, name)
        wanted = rule.maximise(value, form, weight, everyone, FLOOR)
        if name in CLOSED:
            same(found, wanted.factors, 1e-11)
        value = rule.conform(Dense(found), weight)
        slope = rule.gradient(value, form, weight, everyone, FLOOR)
        assert np.abs(slope).max() <= 1e-9 * weight.sum()
        # An orientation that all share has several optima; either may find the better one.
        if name not in ("EVE", "VVE"):
            ends = [expected_loglik(f, scatter, weight) for f in (found, wanted.factors)]
            assert ends[0] == pytest.approx(ends[1], rel=1e-11, abs=1e-9)


@every_structure
def test_an_m_step_is_never_worse_than_where_it_began(name):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        k, d = int(rng.integers(1, 6)), int(rng.integers(1, 7))
        scatter, weight = scattered(rng, k, d)
        old = STRUCTURES[name].conform(
            Dense(np.linalg.cholesky(scattered(rng, k, d)[0])), weight).factors
        found = native.maximise_table(name, scatter, weight, np.array(old), FLOOR)
        before, after = (expected_loglik(f, scatter, weight) for f in (old, found))
        assert after >= before - 1e-11 * abs(before)


@pytest.mark.parametrize("name", ["EEE", "VVV"])
def test_a_column_that_repeats_another_rests_on_the_floor(name):
    root = np.random.default_rng(3).normal(size=(2, 3, 9))
    root[:, 2] = root[:, 0] - 2 * root[:, 1]
    scatter = root @ np.swapaxes(root, 1, 2)
    found = native.maximise_table(name, scatter, np.full(2, 9.0), np.stack([np.eye(3)] * 2), FLOOR)
    spread = np.sqrt((found**2).sum(axis=2))
    np.testing.assert_allclose(found[:, 2, 2], 2.0**-20 * spread[:, 2], rtol=1e-6)
    common = scatter.sum(axis=0, keepdims=True) / 2 if name == "EEE" else scatter
    np.testing.assert_allclose(found[:, :2, :2], np.linalg.cholesky(common[:, :2, :2] / 9)
                               + np.zeros((2, 1, 1)), rtol=1e-10, atol=1e-12)


# Climbs. ---------------------------------------------------------------------------------------

PROBLEMS = {"faithful": (2, 3), "iris": (2, 3)}
WITH_PRIOR = {
    "none": {},
    "Dirichlet": {"concentration": [1.0, 4.0, 2.5]},
    "a weight held": {"held": [np.nan, 0.3, np.nan], "concentration": 1.5},
    "weights held": {"held": [0.2, 0.3, 0.5]},
    "conjugate": {"concentration": 2.0, "pseudo_mean": 0.3, "pseudo_count": 2.0,
                  "extra_weight": 4.5, "extra_scatter": 0.7},
}


def terms_of(kind: str, d: int) -> Terms:
    terms = Terms(3, d, **WITH_PRIOR[kind])
    if terms.pseudo_count:
        terms = replace(terms, extra_scatter=0.3 * np.eye(d) + terms.extra_scatter)
    return terms


@every_structure
@pytest.mark.parametrize("data", PROBLEMS)
def test_climbs_rise_to_where_the_gradient_is_small(name, data):
    x = table(data)
    for k in PROBLEMS[data]:
        ends = climbs(x, name, starts(x, k, range(4)))
        assert set(ends.outcome) == {CONVERGED} and ends.gradient.max() <= 1e-10
        for s, trace in enumerate(ends.traces):
            assert len(trace) == ends.iterations[s] + 1 and trace[-1] == ends.objective[s]
            assert (np.diff(trace) >= -1e-12 * (abs(trace[1:]) + len(x))).all()
            mixture, terms = ends.mixture(s), Terms(k, x.shape[1])
            assert ends.weights[s].sum() == pytest.approx(1, abs=1e-14)
            assert objective(x, mixture, terms) == pytest.approx(ends.objective[s], abs=1e-9)
            assert gradient(x, mixture, name, terms) <= 1e-9


@every_structure
@pytest.mark.parametrize("kind", WITH_PRIOR)
@pytest.mark.parametrize("data", PROBLEMS)
def test_climbs_are_em_written_out(name, data, kind):
    x = table(data)
    rng = np.random.default_rng(5)
    terms, begun = terms_of(kind, x.shape[1]), starts(x, 3, [1])
    free = np.isnan(np.full(3, terms.held, float))
    if not free.all():
        begun[0][0] = np.where(free, (1 - np.nansum(terms.held)) / max(free.sum(), 1), terms.held)
    for w in (None, rng.exponential(size=len(x)) * (rng.random(len(x)) < 0.8)):
        for count in (0, 1, 2, 6):
            native_end = climbs(x, name, begun, w=w, terms=terms, max_iter=count, tol=0.0)
            assert native_end.iterations[0] == count and native_end.outcome[0] == NOT_CONVERGED
            wanted = steps(x, [part[0] for part in begun], name, terms, count, w)
            if name in CLOSED or count == 0:
                same(native_end.mixture(), wanted)
            mixture = native_end.mixture()
            assert native_end.objective[0] == pytest.approx(
                objective(x, mixture, terms, w), rel=1e-12, abs=1e-9)
            assert native_end.gradient[0] == pytest.approx(
                gradient(x, mixture, name, terms, w), rel=1e-6, abs=1e-10)
        # Where a climb ends, whole M-steps have nothing to add.
        native_end = climbs(x, name, begun, w=w, terms=terms, max_iter=50_000, tol=1e-9)
        assert native_end.outcome[0] == CONVERGED
        after = objective(x, steps(x, native_end.mixture(), name, terms, 3, w), terms, w)
        assert after == pytest.approx(native_end.objective[0], rel=1e-11, abs=1e-7)
        np.testing.assert_array_equal(native_end.weights[0][~free],
                                      np.full(3, terms.held, dtype=float)[~free])


# Mclust(iris[, 1:4], G = 2, modelNames = ...)$loglik, mclust 6.0.0; that of VVE is surpassed.
MCLUST = {"EII": -536.65269, "VEE": -278.05715, "EVE": -273.49615, "VVE": -244.57058,
          "EEV": -259.66691, "VEV": -215.72597, "EVV": -259.01642, "VVV": -214.35470}


@pytest.mark.parametrize("name", MCLUST)
def test_log_likelihoods_are_those_of_mclust(name):
    x = table("iris")
    scale = 2.0 ** np.round(np.log2(load("iris").data.std()))
    ends = climbs(x, name, starts(x, 2, range(3)))
    # It stops when a step gains little.
    assert ends.loglik.max() - x.size * np.log(scale) == pytest.approx(MCLUST[name], abs=5e-4)


@pytest.mark.parametrize("name", ["EII", "VVI", "EEE", "VEE", "EVE", "VEV", "VVV"])
def test_a_conjugate_prior_is_climbed(name):
    """Beside the end of a climb the objective is lower, whichever way one goes."""
    x = table("iris")
    terms = terms_of("conjugate", 4)
    weights, means, factors = climbs(x, name, starts(x, 3, [2]), terms=terms).mixture()
    top = objective(x, (weights, means, factors), terms)
    rng = np.random.default_rng(1)
    rule = STRUCTURES[name]
    for _ in range(40):
        size = 10.0 ** rng.uniform(-4, -1)
        moved = weights * np.exp(size * rng.normal(size=3))
        bent = factors + size * np.tril(rng.normal(size=factors.shape)) * abs(factors).max()
        near = rule.conform(Dense(bent * np.sign(np.einsum("kii->ki", bent))[:, None]), weights)
        beside = moved / moved.sum(), means + size * rng.normal(size=means.shape), near.factors
        assert objective(x, beside, terms) < top
    slopes = []
    for j, i in np.ndindex(means.shape):
        ends = []
        for h in (1e-5, -1e-5):
            shifted = means.copy()
            shifted[j, i] += h
            ends.append(objective(x, (weights, shifted, factors), terms))
        slopes.append((ends[0] - ends[1]) / 2e-5)
    assert np.abs(slopes).max() <= 1e-5


@every_structure
def test_threads_do_not_change_a_bit(name):
    x = np.random.default_rng(2).normal(size=(900, 3)) * [1, 2, 0.5]
    begun = starts(x, 4, range(9))
    one, *others = (climbs(x, name, begun, max_iter=12, threads=t) for t in (1, 2, 8))
    for other in others:
        for field in ("weights", "means", "factors", "objective", "gradient", "iterations"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    alone = climbs(x, name, [part[4:5] for part in begun], max_iter=12)
    np.testing.assert_array_equal(alone.factors[0], one.factors[4])


def test_a_weight_counts_as_repetition():
    x, w = table("faithful")[:90], np.arange(90) % 3.0
    for name in STRUCTURES:
        begun = starts(x, 2, [0])
        weighted = climbs(x, name, begun, w=w, max_iter=9, tol=0.0)
        repeated = climbs(np.repeat(x, w.astype(int), axis=0), name, begun, max_iter=9, tol=0.0)
        same(weighted.mixture(), repeated.mixture(), 1e-10)
        assert weighted.gradient[0] == pytest.approx(repeated.gradient[0], rel=1e-6)


# A table has as many columns as loops of their own were compiled for, or more.
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 6, 9, 17])
def test_any_number_of_columns(d):
    rng = np.random.default_rng(d)
    x = rng.normal(size=(40 * d, d)) + 4 * (np.arange(40 * d) % 2)[:, None]
    for name in STRUCTURES:
        ends = climbs(x, name, starts(x, 2, [0]), tol=1e-9)
        assert ends.outcome[0] == CONVERGED
        assert gradient(x, ends.mixture(), name, Terms(2, d)) <= 1e-8


@every_structure
def test_one_component_is_at_its_summit_at_once(name):
    x = table("iris")
    ends = climbs(x, name, starts(x, 1, [0]))
    assert ends.outcome[0] == CONVERGED and ends.iterations[0] <= 3
    np.testing.assert_allclose(ends.means[0, 0], x.mean(axis=0), atol=1e-12)


def test_a_climb_from_the_summit_takes_no_step():
    x = table("iris")
    for name in STRUCTURES:
        top = climbs(x, name, starts(x, 2, [1]), tol=1e-11)
        again = climbs(x, name, (top.weights, top.means, top.factors), tol=1e-10)
        assert again.outcome[0] == CONVERGED and again.iterations[0] == 0
        same(again.mixture(), top.mixture(), 1e-12)


# Where they stop. ------------------------------------------------------------------------------


def flat(name: str) -> np.ndarray:
    """Points of which the last three are flat in a way that the structure cannot bear."""
    rng = np.random.default_rng(0)
    few = np.full((3, 3), 9.0)
    if name in ("EVI", "EVE", "EVV"):  # one volume: no width in one direction
        few[:, 1:] += rng.normal(size=(3, 2))
    x = np.concatenate([rng.normal(size=(60, 3)), few])
    if name == "EEV":  # one shape: all of them must be flat
        x[:, 2] = np.where(x[:, 0] > 5, x[:, 1], x[:, 0])
    return x


@pytest.mark.parametrize("name", VARYING)
def test_a_component_without_width_collapses(name):
    means = np.stack([np.zeros(3), np.full(3, 9.0)])[None]
    factors = np.stack([np.eye(3), 0.1 * np.eye(3)])[None]
    ends = climbs(flat(name), name, (np.array([[0.95, 0.05]]), means, factors))
    assert ends.outcome[0] == COLLAPSED and ends.iterations[0] < 30
    assert np.isfinite(ends.objective[0]) and np.isfinite(ends.factors).all()


def test_a_start_without_width_has_collapsed():
    x = table("iris")
    weights, means, factors = starts(x, 2, [0])
    factors[0, 1, 3, 3] = 0.0
    ends = climbs(x, "VVV", (weights, means, factors))
    assert ends.outcome[0] == COLLAPSED and ends.iterations[0] == 0


@pytest.mark.parametrize("name", ["EII", "EEI", "EEE"])
def test_what_is_common_does_not_collapse(name):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(60, 3)), np.full((3, 3), 9.0)])
    begun = (np.array([[0.95, 0.05]]), np.stack([np.zeros(3), np.full(3, 9.0)])[None],
             np.stack([np.eye(3)] * 2)[None])
    assert climbs(x, name, begun).outcome[0] == CONVERGED
    # Not even where a column repeats another: it rests on its floor.
    x[:, 2] = x[:, 0]
    ends = climbs(x, name, begun, tol=1e-8)
    assert ends.outcome[0] == CONVERGED
    if name == "EEE":
        assert ends.factors[0, 0, 2, 2] <= 2.0**-19


@pytest.mark.parametrize("name", ["VII", "VVI", "VEE", "EVE", "VEV", "VVV"])
def test_a_run_that_comes_near_home_ends(name):
    x = table("iris")
    begun = starts(x, 3, [1])
    home = climbs(x, name, begun)
    order = [2, 0, 1]
    homes = home.weights[:, order], home.means[:, order], home.factors[:, order]
    homes = tuple(np.ascontiguousarray(part) for part in homes)
    run = climbs(x, name, begun, homes=homes)
    assert run.outcome[0] == CAME_HOME and 0 < run.iterations[0] < home.iterations[0]
    away = np.linalg.solve(home.factors[0], (run.means - home.means)[0][:, :, None])[..., 0]
    assert np.abs(away).max() <= 0.1
    np.testing.assert_allclose(run.weights, home.weights, rtol=0.1)
    # Elsewhere, or with another spread, it is not home; nor once it has converged.
    for changed in ((homes[0], homes[1] + 1, homes[2]), (homes[0], homes[1], 1.5 * homes[2]),
                    (np.array([[0.2, 0.2, 0.6]]), *homes[1:])):
        assert climbs(x, name, begun, homes=changed).outcome[0] == CONVERGED
    assert climbs(x, name, (home.weights, home.means, home.factors), homes=homes, tol=1e-9
                  ).outcome[0] == CONVERGED


def test_a_run_that_would_not_reach_its_height_ends_early():
    x = table("iris")
    begun = starts(x, 3, [1])
    free = climbs(x, "VVV", begun, max_iter=60, tol=0)
    trace = free.traces[0]
    # At five times the pace of its last step it would not come so high in what is left.
    reach = trace[1:] + 5 * (60 - np.arange(1, 61)) * np.diff(trace)
    height = reach[24] + 1e-3
    first = next(t for t in range(15, 61) if reach[t - 1] < height)
    stopped = climbs(x, "VVV", begun, max_iter=60, tol=0, heights=np.array([height]))
    assert stopped.outcome[0] == free.outcome[0] == NOT_CONVERGED
    assert 15 <= stopped.iterations[0] == first <= 25
    same((stopped.traces[0],), (trace[:first + 1],))
    whole = climbs(x, "VVV", begun, max_iter=60, tol=0, heights=np.array([trace[14]]))
    assert whole.iterations[0] == 60


def test_far_data_ends_with_a_name():
    x = np.full((4, 2), 1e300) * [[1], [-1], [1], [-1]]
    begun = np.array([[0.5, 0.5]]), np.zeros((1, 2, 2)), np.stack([np.eye(2)] * 2)[None]
    ends = climbs(x, "VVV", begun)
    assert ends.outcome[0] == NOT_FINITE and ends.iterations[0] == 0
    same(ends.mixture(), [part[0] for part in begun])


@pytest.mark.parametrize("name", ["VVI", "EEE", "VVV"])
def test_single_precision_is_read_as_it_is(name):
    x = table("iris").astype(np.float32)
    x[:, 3] = x[:, 2] + 1e-3 * x[:, 3]  # thin as well
    one, other = (climbs(y, name, starts(x.astype(float), 2, [0]), max_iter=20)
                  for y in (x, x.astype(float)))
    np.testing.assert_array_equal(one.factors, other.factors)
    np.testing.assert_array_equal(one.objective, other.objective)


@pytest.mark.parametrize("name", ["EEE", "VEE", "EVV", "VVV"])
def test_thin_data_is_climbed_as_well(name):
    """What any change of columns leaves alone climbs alike in thin ones, 1e4 to 1."""
    x = table("iris")
    change = np.array([[1, 0, 0, 0], [1, 1e-2, 0, 0], [2, 0, 1e-4, 0], [1, 1, 1, 1.0]])
    begun = starts(x, 3, [1])
    thin = begun[0], begun[1] @ change.T, np.linalg.qr(
        np.swapaxes(change @ begun[2], 2, 3), mode="r").swapaxes(2, 3)
    thin[2][...] *= np.sign(np.einsum("skii->ski", thin[2]))[:, :, None]
    one, other = (climbs(y, name, b, tol=1e-8) for y, b in ((x, begun), (x @ change.T, thin)))
    assert other.outcome[0] == CONVERGED
    log_volume = np.log(abs(np.linalg.det(change)))
    assert other.loglik[0] + len(x) * log_volume == pytest.approx(one.loglik[0], abs=1e-6)


@st.composite
def odd_problems(draw: st.DrawFn):
    """Small tables of every kind, and starts that need not suit them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, d, k = draw(st.integers(2, 40)), draw(st.integers(1, 6)), draw(st.integers(1, 5))
    shape = draw(st.sampled_from(["normal", "cauchy", "ties", "line"]))
    x = {"normal": rng.standard_normal, "cauchy": rng.standard_cauchy,
         "ties": lambda size: rng.integers(0, 3, size).astype(float),
         "line": lambda size: rng.standard_normal((size[0], 1)) * np.arange(1.0, size[1] + 1),
         }[shape]((n, d))
    w = rng.exponential(size=n) * (rng.random(n) < 0.8) if draw(st.booleans()) else None
    terms = Terms(k, d)
    if draw(st.booleans()):
        terms = replace(terms, concentration=rng.uniform(1, 4, k), pseudo_count=0.1,
                        pseudo_mean=rng.normal(size=d), extra_weight=d + 2.0,
                        extra_scatter=np.eye(d) * rng.uniform(0.01, 1))
    root = rng.normal(size=(1, k, d, d + 2))
    begun = (rng.dirichlet(np.ones(k), 1), x[None, rng.integers(n, size=k)],
             np.linalg.cholesky(root @ np.swapaxes(root, 2, 3)))
    return x, w, terms, begun, draw(st.sampled_from(list(STRUCTURES)))


@settings(max_examples=600, deadline=None)
@given(odd_problems())
def test_em_never_lowers_its_objective(problem):
    x, w, terms, begun, name = problem
    if w is not None and not w.any():
        return
    total = len(x) if w is None else w.sum()
    ends = climbs(x, name, begun, w=w, terms=terms, max_iter=60, tol=1e-9)
    trace = ends.traces[0]
    assert ends.outcome[0] not in (FELL, NOT_FINITE), ends
    # In thin covariances whitening loses digits, to a share of 2⁻²⁰ where they rest.
    assert (np.diff(trace) >= -1e-12 * abs(trace[:-1]) - 2e-9 * total).all()
    assert ends.weights[0].sum() == pytest.approx(1, abs=1e-12) and (ends.weights >= 0).all()
    assert np.isfinite(ends.factors).all()
    if ends.outcome[0] != COLLAPSED:
        # To a rounding: what rests on the floor is the root of its square.
        assert (np.einsum("skii->ski", ends.factors) >= FLOOR * (1 - 1e-15)).all()


CHECK = """
import numpy as np
from emix.kernels import _native as native
rng = np.random.default_rng(1)
x = rng.normal(size=(150, 3)) + 3 * (np.arange(150) % 3)[:, None]
begun = np.full((1, 3), 1 / 3), x[None, :3], np.stack([np.eye(3)] * 3)[None]
print(native.instruction_set())
for name in "EII VII EEI VEI EVI VVI EEE VEE EVE VVE EEV VEV EVV VVV".split():
    w, m, f, *rest = native.climb_table(x, None, name, *begun, np.full(3, np.nan), np.ones(3),
                                        None, 0.0, 0.0, None, 2.0**-44, 20, 1e-9, 1)
    print(*w.ravel(), *m.ravel(), *f.ravel(), rest[0][0])
    print(*native.left_out_gains_table(x, None, name, w, m, f, np.full(3, np.nan), 2.0**-44,
                                       1).ravel())
"""


@pytest.mark.parametrize("level", native.instruction_sets())
def test_every_instruction_set_agrees(level):
    run = subprocess.run(
        [sys.executable, "-c", CHECK], env={**os.environ, "EMIX_INSTRUCTION_SET": level},
        capture_output=True, text=True, check=False,
    )
    assert run.returncode == 0, run.stderr
    name, *lines = run.stdout.splitlines()
    assert name == level
    collected: list[str] = []
    exec(CHECK, {"print": lambda *a: collected.append(" ".join(map(str, a)))})
    for line, mine in zip(lines, collected[1:], strict=True):
        np.testing.assert_allclose(np.array(line.split(), float), np.array(mine.split(), float),
                                   rtol=1e-8, atol=1e-8)


def test_wrong_arguments_are_named():
    x, begun = table("faithful"), starts(table("faithful"), 2, [0])
    with pytest.raises(ValueError, match="no such structure"):
        climbs(x, "VXV", begun)
    with pytest.raises(ValueError, match="means"):
        climbs(x, "VVV", (begun[0], begun[1][:, :, :1].copy(), begun[2]))
    with pytest.raises(ValueError, match="belong together"):
        climbs(x, "VVV", (begun[0], begun[1][:, :1].copy(), begun[2]))
    with pytest.raises(ValueError, match="held_weights"):
        climbs(x, "VVV", begun, terms=Terms(3, 2))
    with pytest.raises(ValueError, match="extra_scatter"):
        native.climb_table(x, None, "VVV", *begun, np.full(2, np.nan), np.ones(2), None, 0.0, 0.0,
                           np.eye(3), FLOOR, 1, 0.0, 1)
    with pytest.raises(ValueError, match="threads"):
        climbs(x, "VVV", begun, threads=0)
