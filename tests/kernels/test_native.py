"""The native kernel against plain NumPy formulas, far points, and its own promises about bits."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace

import mpmath
import numpy as np
import pytest
from lenient import exp, lenient, logsumexp
from scipy.special import gammaln

native = pytest.importorskip("emix.kernels._native", reason="native kernel not built")

LOG_2PI = np.log(2 * np.pi)
SHIFT, SCALE = 0.25, 0.5


def mixture(rng, k):
    weights = rng.dirichlet(np.full(k, 2.0))
    return np.log(weights), rng.normal(0, 2, k), rng.uniform(0.2, 1.5, k)


def inward(x):
    return (np.asarray(x, dtype=float) - SHIFT) * SCALE


@lenient
def score(z, log_weights, means, sds):
    """u, log p, log density and responsibilities, shape (n, k) or (n,)."""
    u = (z[:, None] - means) / sds
    logs = log_weights - np.log(sds) - u**2 / 2 - LOG_2PI / 2
    log_density = logsumexp(logs, axis=1)
    return u, logs, log_density, exp(logs - log_density[:, None])


@lenient
def sums(z, w, log_weights, means, sds):
    """The five results of expect, each followed by the sum of its absolute terms."""
    u, _, log_density, r = score(z, log_weights, means, sds)
    wr = w[:, None] * r
    absolute = [wr.sum(0), (wr * abs(u)).sum(0), (wr * u**2).sum(0)]
    values = [wr.sum(0), (wr * u).sum(0), (wr * u**2).sum(0)]
    values += [(w * log_density).sum(), w.sum()]
    return list(zip(values, [*absolute, (w * abs(log_density)).sum(), w.sum()], strict=True))


SIZES = [(1, 1), (1, 3), (2, 2), (7, 4), (8, 5), (9, 6), (17, 7), (130, 8), (272, 2), (511, 9)]
SIZES += [(513, 16), (1000, 40), (8191, 3), (8193, 1), (20000, 20), (100000, 3), (100000, 2)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "k"), SIZES)
def test_expect_is_the_formula(n, k, weighted, dtype):
    rng = np.random.default_rng(n * k)
    x, parameters = rng.normal(0, 5, n).astype(dtype), mixture(rng, k)
    w = rng.exponential(size=n) * (rng.random(n) < 0.8) if weighted else None
    found = native.expect(x, w, SHIFT, SCALE, *parameters, 2)
    wanted = sums(inward(x), np.ones(n) if w is None else w, *parameters)
    for value, (target, absolute) in zip(found, wanted, strict=True):
        assert np.all(np.abs(value - target) <= 1e-12 * absolute)


@pytest.mark.parametrize(("n", "k"), SIZES)
def test_rows_are_the_formula(n, k):
    rng = np.random.default_rng(n + k)
    x, parameters = rng.normal(0, 5, n), mixture(rng, k)
    _, logs, log_density, r = score(inward(x), *parameters)
    given = (x, SHIFT, SCALE, *parameters, 2)
    np.testing.assert_allclose(native.log_density(*given), log_density, rtol=1e-14, atol=4e-15)
    found = native.responsibilities(*given)
    np.testing.assert_allclose(found, r, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=0, atol=1e-15)
    decided = np.diff(np.sort(logs, axis=1)[:, -2:], axis=1)[:, 0] > 1e-9 if k > 1 else slice(None)
    np.testing.assert_array_equal(native.labels(*given)[decided], logs.argmax(axis=1)[decided])


def test_one_component_has_every_row():
    x = np.linspace(-40, 40, 1001)
    log_density = native.log_density(x, 0.0, 1.0, np.zeros(1), np.zeros(1), np.ones(1), 1)
    np.testing.assert_allclose(log_density, -(x**2) / 2 - LOG_2PI / 2, rtol=1e-15)


def test_exp_and_log_to_a_few_ulp():
    # Component 0 stands still; the gap to component 1 runs through the range of the exponential.
    x = np.concatenate([np.linspace(0, 60, 301), [1e-9, 1e-5]])
    log_weights, means, sds = np.log([0.25, 0.75]), np.array([0.0, 3.0]), np.array([1.0, 2.0])
    given = (x, 0.0, 1.0, log_weights, means, sds, 1)
    log_density, r = native.log_density(*given), native.responsibilities(*given)
    mp = mpmath.mp.clone()
    mp.dps = 40
    for i, point in enumerate(x):
        p = [
            mp.exp(mp.mpf(w) - ((mp.mpf(point) - m) / s) ** 2 / 2) / s
            for w, m, s in zip(log_weights, means, sds, strict=True)
        ]
        exact = mp.log(mp.fsum(p)) - mp.log(2 * mp.pi) / 2
        assert abs(log_density[i] - exact) <= 4 * np.spacing(max(1.0, abs(float(exact))))
        exact_share = p[0] / mp.fsum(p)
        if exact_share > 1e-300:
            # The exponent itself is rounded: half an ulp of the larger squared distance.
            allowed = 4e-16 + 3e-16 * float(point) ** 2
            assert abs(r[i, 0] / exact_share - 1) <= allowed


@pytest.mark.parametrize("k", [2, 3, 12])
@pytest.mark.parametrize("away", [1e3, 1e8, 1e153, 1e200, 1e300])
def test_far_points_belong_to_the_nearest(away, k):
    sds = np.linspace(1.0, 0.5, k)
    parameters = np.log(np.full(k, 1 / k)), np.linspace(-1, 1, k), sds
    x = np.array([0.3, away, -away, 0.1])
    given = (x, 0.0, 1.0, *parameters, 1)
    r = native.responsibilities(*given)
    np.testing.assert_allclose(r.sum(axis=1), 1, atol=1e-15)
    np.testing.assert_array_equal(r[1:3, 0], 1.0)
    np.testing.assert_array_equal(native.labels(*given)[1:3], 0)
    log_density = native.log_density(*given)
    assert np.isfinite(log_density[[0, 3]]).all()
    assert np.isneginf(log_density[1:3]).all() == (away > 1e154)
    s0, s1, _, loglik, weight = native.expect(x, None, 0.0, 1.0, *parameters, 1)
    assert s0.sum() == pytest.approx(4, abs=1e-14)
    assert np.isfinite(s1).all() and weight == 4
    assert np.isneginf(loglik) == (away > 1e154)


def test_far_ties_are_shared_by_weight_over_sd():
    log_weights, sds = np.log([0.2, 0.5, 0.3]), np.array([1.0, 1.0, 0.5])
    r = native.responsibilities(
        np.array([1e200]), 0.0, 1.0, log_weights, np.zeros(3), sds, 1
    )
    np.testing.assert_allclose(r, [[0.2 / 0.7, 0.5 / 0.7, 0.0]], rtol=1e-15)
    label = native.labels(np.array([1e200]), 0.0, 1.0, log_weights, np.zeros(3), sds, 1)
    assert label[0] == 1


@pytest.mark.parametrize("k", [2, 4, 11])
def test_component_without_weight_has_nothing(k):
    rng = np.random.default_rng(k)
    log_weights, means, sds = mixture(rng, k)
    log_weights[-1] = -np.inf
    x = np.append(rng.normal(0, 3, 100), [means[-1], 1e200, -1e9])
    r = native.responsibilities(x, 0.0, 1.0, log_weights, means, sds, 1)
    assert np.all(r[:, -1] == 0) and np.isfinite(r).all()
    s0, s1, s2, _, _ = native.expect(x[:-2], None, 0.0, 1.0, log_weights, means, sds, 1)
    assert s0[-1] == s1[-1] == s2[-1] == 0


@pytest.mark.parametrize("k", [1, 2, 3, 9])
def test_rows_without_weight_change_nothing(k):
    rng = np.random.default_rng(k)
    parameters = mixture(rng, k)
    x, w = rng.normal(0, 3, 700), rng.exponential(size=700)
    w[::5] = 0
    some = native.expect(x[w > 0], w[w > 0], 0.0, 1.0, *parameters, 1)
    x[::5] = np.tile([1e200, 1e308], 70)
    found = native.expect(x, w, 0.0, 1.0, *parameters, 1)
    for a, b in zip(found, some, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize(("n", "k"), [(100, 2), (30000, 12), (250001, 1), (250001, 3)])
def test_threads_do_not_change_a_bit(n, k):
    rng = np.random.default_rng(n)
    x, w, parameters = rng.normal(0, 4, n), rng.random(n), mixture(rng, k)
    results = []
    for threads in (1, 2, 3, 8):
        given = (x, SHIFT, SCALE, *parameters, threads)
        results.append([
            *native.expect(x, w, SHIFT, SCALE, *parameters, threads),
            *native.expect(x.astype(np.float32), None, SHIFT, SCALE, *parameters, threads),
            native.log_density(*given), native.responsibilities(*given), native.labels(*given),
            *native.moments(x, w, threads), *native.moments(x, None, threads),
        ])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------------------------------------
# climb


@dataclass(frozen=True)
class Terms:
    k: int
    tied: bool = False
    held_weights: tuple[float, ...] | None = None
    held_means: tuple[float, ...] | None = None
    held_sds: tuple[float, ...] | None = None
    prior_mean: float = 0.0
    prior_sd: float = np.nan
    concentration: tuple[float, ...] | None = None
    floor: float = 1e-3

    def held(self, name):
        values = getattr(self, f"held_{name}")
        return np.full(self.k, np.nan) if values is None else np.array(values)

    def alpha(self):
        return np.ones(self.k) if self.concentration is None else np.array(self.concentration)

    def arguments(self):
        held = (self.held("weights"), self.held("means"), self.held("sds"))
        return (self.tied, *held, self.prior_mean, self.prior_sd, self.alpha(), self.floor)


def log_prior(terms, weights, means):
    total, free, alpha = 0.0, np.isnan(terms.held("means")), terms.alpha()
    if not np.isnan(terms.prior_sd):
        s = terms.prior_sd
        away = (means[free] - terms.prior_mean) / s
        total += np.sum(-np.log(2 * np.pi * s**2) / 2 - away**2 / 2)
    if np.any(alpha != 1):
        free = np.isnan(terms.held("weights"))
        v = weights[free] / (1 - np.nansum(terms.held("weights")))
        alpha = alpha[free]
        total += gammaln(alpha.sum()) - gammaln(alpha).sum() + ((alpha - 1) * np.log(v)).sum()
    return total


def gradient_norm(terms, weights, means, sds, s0, s1, s2, total):
    slopes = [0.0]
    free = np.isnan(terms.held("weights"))
    if free.sum() > 1:
        q = (s0 + terms.alpha() - 1)[free]
        v = weights[free] / (1 - np.nansum(terms.held("weights")))
        slopes += list(q - v * q.sum())
    free = np.isnan(terms.held("means"))
    precision = 0.0 if np.isnan(terms.prior_sd) else terms.prior_sd**-2
    slopes += list((s1 - sds * (means - terms.prior_mean) * precision)[free])
    free = np.isnan(terms.held("sds"))
    if free.any():
        pairs = [((s2 - s0).sum(), sds[0])] if terms.tied else zip(
            (s2 - s0)[free], sds[free], strict=True
        )
        slopes += [g for g, sd in pairs if not (sd <= terms.floor and g < 0)]
    return max(map(abs, slopes)) / total


def m_step(terms, weights, means, sds, s0, s1, s2):
    weights = weights.copy()
    free = np.isnan(terms.held("weights"))
    q = (s0 + terms.alpha() - 1)[free]
    weights[free] = (1 - np.nansum(terms.held("weights"))) * q / q.sum()
    if np.isnan(terms.prior_sd):
        moved = means + sds * s1 / s0
    else:
        precision = terms.prior_sd**-2
        pull = (terms.prior_mean - means) * precision
        moved = means + (s1 / sds + pull) / (s0 / sds**2 + precision)
    moved = np.where(np.isnan(terms.held("means")), moved, means)
    delta = (moved - means) / sds
    scatter = s2 - 2 * delta * s1 + delta**2 * s0
    if terms.tied:
        new = np.full_like(sds, np.sqrt((sds**2 * scatter).sum() / s0.sum()))
    else:
        new = sds * np.sqrt(scatter / s0)
    new = np.maximum(new, terms.floor)
    return weights, moved, np.where(np.isnan(terms.held("sds")), new, sds)


def climb(z, w, terms, start, max_iter, tol):
    at = start
    for t in range(max_iter + 1):
        with np.errstate(divide="ignore"):
            s0, s1, s2, loglik, total = (a for a, _ in sums(z, w, np.log(at[0]), *at[1:]))
        gradient = gradient_norm(terms, *at, s0, s1, s2, total)
        if gradient <= tol or t == max_iter:
            return *at, loglik + log_prior(terms, *at[:2]), loglik, gradient, t, int(gradient > tol)
        at = m_step(terms, *at, s0, s1, s2)
    raise AssertionError


CASES = {
    "free": Terms(3),
    "tied": Terms(3, tied=True),
    "held weights": Terms(3, held_weights=(1 / 3, 1 / 3, 1 / 3)),
    "one held weight": Terms(3, held_weights=(np.nan, 0.3, np.nan)),
    "held mean": Terms(3, held_means=(-2.0, np.nan, np.nan)),
    "held sds": Terms(3, held_sds=(1.0, 1.0, 1.0)),
    "tied, held means": Terms(3, tied=True, held_means=(-2.0, 0.1, np.nan)),
    "prior on means": Terms(3, prior_mean=0.5, prior_sd=0.3),
    "prior on weights": Terms(3, concentration=(2.0, 1.0, 5.5)),
    "everything": Terms(
        3, held_weights=(np.nan, 0.3, np.nan), held_means=(-2.0, np.nan, np.nan),
        held_sds=(np.nan, np.nan, 0.7), prior_mean=1.0, prior_sd=0.5,
        concentration=(2.0, 3.0, 1.0),
    ),
    "floor": Terms(3, floor=1.2),
    "two": Terms(2), "one": Terms(1), "twelve": Terms(12),
}  # fmt: skip


def starts_for(terms, rng, s):
    k = terms.k
    weights = rng.dirichlet(np.full(k, 5.0), s)
    held = terms.held("weights")
    learned = np.isnan(held)
    weights[:, ~learned] = held[~learned]
    weights[:, learned] *= (
        (1 - held[~learned].sum()) / np.maximum(weights[:, learned].sum(1), 1e-300)
    )[:, None]
    means = np.sort(rng.normal(0, 2, (s, k)), axis=1)
    sds = np.full((s, k), 1.3) if terms.tied else rng.uniform(0.8, 1.5, (s, k))
    sds = np.maximum(sds, terms.floor)
    means = np.where(np.isnan(terms.held("means")), means, terms.held("means"))
    sds = np.where(np.isnan(terms.held("sds")), sds, terms.held("sds"))
    return weights, means, sds


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_climb_is_the_loop(name, weighted):
    terms, rng, s = CASES[name], np.random.default_rng(3), 4
    x = np.concatenate([rng.normal(-3, 1, 150), rng.normal(1, 1.5, 122), rng.normal(6, 1, 61)])
    w = rng.integers(0, 4, len(x)).astype(float) if weighted else None
    starts = starts_for(terms, rng, s)
    found = native.climb(x, w, SHIFT, SCALE, *starts, *terms.arguments(), 40, 1e-4, 2)
    for i in range(s):
        start = tuple(part[i] for part in starts)
        wanted = climb(inward(x), np.ones(len(x)) if w is None else w, terms, start, 40, 1e-4)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-10, atol=1e-10)
    for value, start, what in zip(found, starts, ("weights", "means", "sds"), strict=False):
        held = ~np.isnan(terms.held(what))
        np.testing.assert_array_equal(value[:, held], start[:, held])


def test_climb_scores_what_it_returns_and_converges():
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(-2, 1, 500), rng.normal(2, 0.5, 300)])
    terms = Terms(2)
    starts = starts_for(terms, rng, 3)
    *at, objective, loglik, gradient, iterations, outcome = native.climb(
        x, None, 0.0, 1.0, *starts, *terms.arguments(), 5000, 1e-12, 1
    )
    assert list(outcome) == [0, 0, 0] and np.all(gradient <= 1e-12) and np.all(iterations < 5000)
    for i in range(3):
        s0, s1, s2, again, _ = native.expect(
            x, None, 0.0, 1.0, np.log(at[0][i]), at[1][i], at[2][i], 1
        )
        assert loglik[i] == objective[i]
        # The climb takes log(weight / sd) in one, which without FMA is a rounding apart.
        assert again == pytest.approx(loglik[i], rel=1e-15)
        np.testing.assert_allclose(s1, 0, atol=1e-9)
        np.testing.assert_allclose(s2, s0, atol=1e-9)
    np.testing.assert_allclose(np.sort(at[1], axis=1), np.sort(at[1], axis=1)[[0, 0, 0]], atol=1e-9)


@pytest.mark.parametrize(("n", "starts"), [(300, 7), (40000, 5), (150000, 2)])
def test_climb_does_not_depend_on_threads(n, starts):
    rng = np.random.default_rng(n)
    x, terms = rng.standard_t(4, n), Terms(3)
    start = starts_for(terms, rng, starts)
    results = [
        native.climb(x, None, SHIFT, SCALE, *start, *terms.arguments(), 8, 1e-9, threads)
        for threads in (1, 2, 3, 8)
    ]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_climb_names_what_stopped_it():
    x = np.array([0.0, 1.0, 2.0, 1e200])
    start = np.full((1, 1), 1.0)
    arguments = Terms(1).arguments()
    *_, outcome = native.climb(x, None, 0.0, 1.0, start, start, start, *arguments, 10, 1e-9, 1)
    assert outcome[0] == 3
    *_, iterations, outcome = native.climb(
        x[:3], None, 0.0, 1.0, start, start, start, *arguments, 0, 1e-9, 1
    )
    assert (iterations[0], outcome[0]) == (0, 1)


def test_component_without_rows_stays_where_it_is():
    x = np.linspace(-1, 1, 50)
    weights, means, sds = np.array([[1.0, 0.0]]), np.array([[0.0, 5.0]]), np.array([[1.0, 2.0]])
    found = native.climb(x, None, 0.0, 1.0, weights, means, sds, *Terms(2).arguments(), 9, 1e-9, 1)
    assert (found[0][0, 1], found[1][0, 1], found[2][0, 1]) == (0.0, 5.0, 2.0)
    assert found[-1][0] == 0


# ---------------------------------------------------------------------------------------------
# moments, choices, errors


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [1, 5, 8, 272, 9000, 70001])
def test_moments(n, dtype):
    rng = np.random.default_rng(n)
    x = (rng.normal(size=n) + (1e9 if dtype is np.float64 else 10)).astype(dtype)
    exact = x.astype(np.longdouble)
    w = rng.integers(0, 3, n).astype(float)
    w[0] = 1
    for weight in (None, w):
        v = np.ones(n) if weight is None else weight
        mean = (v * exact).sum() / v.sum()
        found = native.moments(x, weight, 2)
        assert found[0] == np.count_nonzero(v) and found[6] == -1
        assert found[1] == v.sum()
        assert found[2] == pytest.approx(float(mean), rel=3e-16)
        assert found[3] == pytest.approx(float((v * (exact - mean) ** 2).sum()), rel=1e-12)
        assert found[4:6] == (x[v > 0].min(), x[v > 0].max())


def test_moments_survive_offsets_outliers_and_size():
    assert native.moments(np.array([1e12, 0, 1, 2, 3.0]), np.array([0, 1, 1, 1, 1.0]), 1) == (
        4, 4.0, 1.5, 5.0, 0.0, 3.0, -1,
    )  # fmt: skip
    assert native.moments(np.array([1e150, 3e150]), None, 1)[2] == pytest.approx(2e150, rel=3e-16)
    count, weight, mean, *_ = native.moments(np.ones(3), np.zeros(3), 1)
    assert (count, weight) == (0, 0.0) and np.isnan(mean)


@pytest.mark.parametrize("at", [0, 6, 511, 512, 19999])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_moments_point_at_the_first_bad_row(at, bad):
    x, w = np.ones(20000), np.ones(20000)
    x[at] = bad
    x[-1] = bad
    assert native.moments(x, None, 2)[6] == at
    assert native.moments(x.astype(np.float32), w, 2)[6] == at
    w[at] = -1.0 if np.isinf(bad) else bad
    assert native.moments(np.ones(20000), w, 2)[6] == at


CHECK = """
import numpy as np
from emix.kernels import _native as native
rng = np.random.default_rng(1)
x, w = rng.normal(0, 3, 5003), rng.random(5003)
print(native.instruction_set())
for k in (1, 2, 3, 4, 6, 20):
    parameters = np.log(np.full(k, 1 / k)), np.linspace(-2, 2, k), np.linspace(0.5, 1, k)
    for values in native.expect(x, w, 0.5, 0.25, *parameters, 1):
        print(*np.atleast_1d(values).tolist())
    print(native.log_density(x, 0.5, 0.25, *parameters, 1).sum())
    print(native.responsibilities(x, 0.5, 0.25, *parameters, 1).max(axis=1).sum())
    print(native.labels(x, 0.5, 0.25, *parameters, 1).sum())
print(*native.moments(x, w, 1))
"""


def in_process(level):
    environment = {**os.environ, "EMIX_INSTRUCTION_SET": level}
    return subprocess.run(
        [sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("level", native.instruction_sets())
def test_every_instruction_set_agrees(level):
    run = in_process(level)
    assert run.returncode == 0, run.stderr
    name, *lines = run.stdout.splitlines()
    assert name == level
    here: dict[str, object] = {}
    collected: list[str] = []
    exec(CHECK, here | {"print": lambda *a: collected.append(" ".join(map(str, a)))})
    for line, mine in zip(lines, collected[1:], strict=True):
        np.testing.assert_allclose(
            np.array(line.split(), float), np.array(mine.split(), float), rtol=1e-12, atol=1e-12
        )


def test_unknown_instruction_set_is_an_error_that_names_the_known():
    run = in_process("x86-64-v9")
    assert run.returncode != 0 and "ValueError" in run.stderr
    for level in native.instruction_sets():
        assert level in run.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_threads_after_fork():
    code = """
import os
import numpy as np
from emix.kernels import _native as native
x = np.random.default_rng(1).normal(size=500_000)
run = lambda: native.expect(x, None, 0.0, 1.0, np.zeros(1), np.zeros(1), np.ones(1), 2)
before = run()
child = os.fork()
after = run()
same = all(np.array_equal(a, b) for a, b in zip(before, after))
if child == 0:
    os._exit(0 if same else 1)
assert os.waitpid(child, 0)[1] == 0 and same
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


def test_wrong_arguments_are_named():
    good = (np.zeros(1), np.zeros(1), np.ones(1))
    with pytest.raises(TypeError, match="float64 or float32"):
        native.expect(np.arange(3), None, 0.0, 1.0, *good, 1)
    with pytest.raises(ValueError, match="sample_weight has the wrong shape"):
        native.expect(np.ones(3), np.ones(2), 0.0, 1.0, *good, 1)
    with pytest.raises(ValueError, match="threads"):
        native.expect(np.ones(3), None, 0.0, 1.0, *good, 0)
    with pytest.raises(ValueError, match="sds has the wrong shape"):
        native.log_density(np.ones(3), 0.0, 1.0, np.zeros(1), np.zeros(1), np.ones(2), 1)
    terms = replace(Terms(2), held_means=(0.0, 0.0, 0.0))
    start = np.ones((1, 2))
    with pytest.raises(ValueError, match="held_means has the wrong shape"):
        native.climb(np.ones(3), None, 0.0, 1.0, start, start, start, *terms.arguments(), 1, 0.0, 1)


def test_no_rows():
    good = (np.zeros(1), np.zeros(1), np.ones(1))
    s0, _, _, loglik, weight = native.expect(np.zeros(0), None, 0.0, 1.0, *good, 2)
    assert (s0[0], loglik, weight) == (0.0, 0.0, 0.0)
    assert native.log_density(np.zeros(0), 0.0, 1.0, *good, 2).shape == (0,)
