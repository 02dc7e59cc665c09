"""The native kernel of tables against dense formulas, 50 digits, far points, and its promises."""

from __future__ import annotations

import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from lenient import exp, lenient, logsumexp, xlogy
from scipy.linalg import solve_triangular

from emix import Mixture
from emix.arrays import Block, Units
from emix.covariance import Common, Dense, Diagonal, Isotropic, Oriented
from emix.kernels import NATIVE, PORTABLE, kernel_for

native = pytest.importorskip("emix.kernels._native", reason="native kernel not built")

LOG_2PI = np.log(2 * np.pi)
SPREADS = ("isotropic", "diagonal", "common", "full")
SCATTERS = ("spherical", "diagonal", "full", "pooled")
every_spread = pytest.mark.parametrize("spread", range(4), ids=SPREADS)


def one_factor(rng, d):
    root = rng.normal(size=(d, d)) / np.sqrt(d) + np.eye(d)
    return np.linalg.cholesky(root @ root.T + 0.05 * np.eye(d))


def mixture(rng, k, d, spread, apart=2.0):
    """Weights (k,), means (k, d), and what holds the covariances in the form `spread`."""
    spreads = {
        0: lambda: rng.uniform(0.3, 1.5, k), 1: lambda: rng.uniform(0.3, 1.5, (k, d)),
        2: lambda: one_factor(rng, d), 3: lambda: np.stack([one_factor(rng, d) for _ in range(k)]),
    }[spread]()
    return rng.dirichlet(np.full(k, 2.0)), rng.normal(0, apart, (k, d)), spreads


def factors(k, d, spread, spreads):
    return {
        0: lambda: np.eye(d) * spreads[:, None, None], 1: lambda: np.eye(d) * spreads[:, :, None],
        2: lambda: np.stack([spreads] * k), 3: lambda: spreads,
    }[spread]()


def rows(rng, means, n, sd=1.0):
    return means[rng.integers(0, len(means), n)] + rng.normal(0, sd, (n, means.shape[1]))


def score(z, weights, means, roots):
    """Weighted log densities (n, k), log density (n,) and responsibilities (n, k)."""
    logs = np.empty((len(z), len(means)))
    for c, (mean, root) in enumerate(zip(means, roots, strict=True)):
        white = solve_triangular(root, (z - mean).T, lower=True)
        constant = -np.log(np.diag(root)).sum() - z.shape[1] / 2 * LOG_2PI
        logs[:, c] = constant - (white**2).sum(axis=0) / 2
    with np.errstate(divide="ignore", under="ignore"):
        logs += np.log(weights)
        log_density = logsumexp(logs, axis=1)
        return logs, log_density, exp(logs - log_density[:, None])


def in_form(matrices, scatter):
    return {
        0: lambda m: np.trace(m, axis1=1, axis2=2), 1: lambda m: np.einsum("kii->ki", m),
        2: lambda m: m, 3: lambda m: m.sum(axis=0, keepdims=True),
    }[scatter](matrices)


def sums(z, w, r, log_density, means):
    """What expect returns, for each form of scatter, beside the sums of absolute terms."""
    with np.errstate(under="ignore"):
        wr, apart = w[:, None] * r, z[:, None] - means
        first, second = [
            (np.einsum("nk,nki->ki", wr, u),
             np.stack([(wr[:, c, None] * u[:, c]).T @ u[:, c] for c in range(len(means))]))
            for u in (apart, np.abs(apart))
        ]
        for scatter in range(4):
            yield scatter, [
                (wr.sum(axis=0), wr.sum(axis=0)),
                (first[0], second[0]),
                (in_form(first[1], scatter), in_form(second[1], scatter)),
                ((w * log_density).sum(), (w * np.abs(log_density)).sum()),
                (w.sum(), w.sum()),
            ]


def assert_sums(found, wanted, rtol=1e-12):
    for value, (target, size) in zip(found, wanted, strict=True):
        assert np.shape(value) == np.shape(target)
        # Below the least normal double digits are lost to any arithmetic.
        assert np.all(np.abs(value - target) <= rtol * size + 1e-295)


@every_spread
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 6, 7, 8, 16, 33, 64])
@pytest.mark.parametrize("k", [1, 2, 3, 5, 13])
def test_expect_is_the_formula(d, k, spread):
    rng = np.random.default_rng([d, k, spread])
    n = int(rng.choice([1, 2, 7, 33, 130, 513, 700]))
    weights, means, spreads = mixture(rng, k, d, spread)
    weighted, single = rng.random() < 0.5, rng.random() < 0.3
    units = (rng.normal(size=d), 2.0 ** rng.integers(-3, 3, d))
    x = rows(rng, means, n) / units[1] + units[0]
    x = x.astype(np.float32) if single else x
    w = rng.exponential(size=n) * (rng.random(n) < 0.8) if weighted else None
    z = (x.astype(float) - units[0]) * units[1]
    _, log_density, r = score(z, weights, means, factors(k, d, spread, spreads))
    every = sums(z, np.ones(n) if w is None else w, r, log_density, means)
    for scatter, wanted in every:
        found = native.expect_table(x, w, *units, spread, np.log(weights), means, spreads, scatter,
                                    2)
        assert_sums(found, wanted, 4e-12 if d > 20 else 1e-12)
        if scatter >= 2:
            np.testing.assert_array_equal(found[2], np.swapaxes(found[2], 1, 2))


@every_spread
@pytest.mark.parametrize("d", [1, 2, 3, 5, 8, 16, 33, 64])
@pytest.mark.parametrize("k", [1, 2, 6])
def test_rows_are_the_formula(d, k, spread):
    rng = np.random.default_rng([d, k, spread])
    weights, means, spreads = mixture(rng, k, d, spread)
    x = rows(rng, means, int(rng.choice([1, 9, 257, 1030])))
    logs, log_density, r = score(x, weights, means, factors(k, d, spread, spreads))
    given = (spread, np.log(weights), means, spreads, 2)
    np.testing.assert_allclose(native.log_density_table(x, *given), log_density, rtol=1e-12)
    found = native.responsibilities_table(x, *given)
    np.testing.assert_allclose(found, r, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=0, atol=4e-15)
    decided = np.diff(np.sort(logs, axis=1)[:, -2:], axis=1)[:, 0] > 1e-9 if k > 1 else slice(None)
    np.testing.assert_array_equal(native.labels_table(x, *given)[decided],
                                  logs.argmax(axis=1)[decided])
    w = rng.exponential(size=len(x)) * (rng.random(len(x)) < 0.8)
    hard, soft = native.classification_table(x, w, *given)
    assert hard == pytest.approx(w @ np.log(r.max(axis=1)), rel=1e-9, abs=1e-11)
    assert soft == pytest.approx(lenient(np.dot)(w, xlogy(r, r).sum(axis=1)), rel=1e-9, abs=1e-11)


@every_spread
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_fifty_digits(spread, offset):
    """An offset in the data costs the sums no digits, because they are about the means."""
    rng = np.random.default_rng(spread)
    k, d, n = 3, 3, 5
    weights, means, spreads = mixture(rng, k, d, spread)
    means = means + offset
    x = rows(rng, means, n)
    loglik = mpmath.mpf(0)
    with mpmath.workdps(50):
        s0, s2 = [mpmath.mpf(0)] * k, np.full((k, d, d), mpmath.mpf(0))
        s1 = np.full((k, d), mpmath.mpf(0))
        roots = [mpmath.matrix(f.tolist()) for f in factors(k, d, spread, spreads)]
        for row in x:
            apart = [[mpmath.mpf(a) - mpmath.mpf(b) for a, b in zip(row, mean, strict=True)]
                     for mean in means]
            p = []
            for c in range(k):
                white = mpmath.lu_solve(roots[c], mpmath.matrix(apart[c]))
                size = mpmath.fprod(roots[c][j, j] for j in range(d))
                p.append(mpmath.mpf(weights[c]) * mpmath.exp(-mpmath.fsum(u**2 for u in white) / 2)
                         / size / mpmath.sqrt((2 * mpmath.pi) ** d))
            loglik += mpmath.log(mpmath.fsum(p))
            for c in range(k):
                share, u = p[c] / mpmath.fsum(p), np.array(apart[c])
                s0[c] += share
                s1[c] += share * u
                s2[c] += share * np.outer(u, u)
    found = native.expect_table(x, None, None, None, spread, np.log(weights), means, spreads, 2, 1)
    as_double = (np.array(s, dtype=object).astype(float) for s in (s0, s1, s2))
    for value, wanted in zip(found, as_double, strict=False):
        np.testing.assert_allclose(value, wanted, rtol=1e-12, atol=1e-14)
    assert found[3] == pytest.approx(float(loglik), rel=1e-14)


@every_spread
@pytest.mark.parametrize("d", [9, 17, 33])
@pytest.mark.parametrize("k", [4, 7, 24])
def test_what_is_left_out_cannot_be_seen(d, k, spread):
    """Where components lie apart most are not scored; every one of them, however little it has,
    gets its own sums all the same."""
    rng = np.random.default_rng([d, k, spread])
    weights, means, spreads = mixture(rng, k, d, spread, apart=4.0)
    x = rows(rng, means, 1500, 0.7)
    weights[0], means[1] = 1e-200, means[1] + 12.0
    weights /= weights.sum()
    x[::97] += rng.normal(0, 10, x[::97].shape)
    for w in (None, rng.exponential(size=1500) * (rng.random(1500) < 0.8)):
        _, log_density, r = score(x, weights, means, factors(k, d, spread, spreads))
        every = sums(x, np.ones(1500) if w is None else w, r, log_density, means)
        for scatter, wanted in every:
            found = native.expect_table(x, w, None, None, spread, np.log(weights), means, spreads,
                                        scatter, 2)
            assert_sums(found, wanted, 4e-12)


def test_neighbours_of_a_common_factor_and_means_far_apart():
    """Beyond some distance points are whitened about each mean, so that no digit is lost."""
    rng = np.random.default_rng(2)
    weights, means, spreads = mixture(rng, 3, 4, 2)
    means[0] += 1e7
    x = rows(rng, means, 500)
    _, log_density, r = score(x, weights, means, factors(3, 4, 2, spreads))
    for scatter, wanted in sums(x, np.ones(500), r, log_density, means):
        found = native.expect_table(x, None, None, None, 2, np.log(weights), means, spreads,
                                    scatter, 1)
        assert_sums(found, wanted)


@every_spread
@pytest.mark.parametrize("d", [2, 5, 12])
@pytest.mark.parametrize("away", [1e3, 1e8, 1e153, 1e200, 1e300])
def test_far_points_belong_to_the_nearest(away, d, spread):
    rng = np.random.default_rng([d, spread])
    k = 6
    weights, means, spreads = mixture(rng, k, d, spread)
    if spread != 2:
        spreads[2] *= 9  # the widest is the nearest when all are far
    x = np.concatenate([rows(rng, means, 300), away * rng.normal(size=(3, d))])
    given = (spread, np.log(weights), means, spreads, 1)
    r = native.responsibilities_table(x, *given)
    assert np.isfinite(r).all() and (r >= 0).all()
    np.testing.assert_allclose(r.sum(axis=1), 1, rtol=0, atol=1e-14)
    labels = native.labels_table(x, *given)
    if spread != 2:
        np.testing.assert_array_equal(r[-3:, 2], 1.0)
        np.testing.assert_array_equal(labels[-3:], 2)
    log_density = native.log_density_table(x, *given)
    assert np.isfinite(log_density[:-3]).all()
    assert np.isneginf(log_density[-3:]).all() == (away > 1e155)
    s0, s1, _, loglik, weight = native.expect_table(x, None, None, None, *given[:-1], 2, 1)
    np.testing.assert_allclose(s0, r.sum(axis=0), rtol=1e-9)
    assert np.isfinite(s1).all() and weight == len(x)
    assert np.isneginf(loglik) == (away > 1e155)
    hard, soft = native.classification_table(x, None, *given)
    assert hard <= 0 and soft <= 0 and np.isfinite([hard, soft]).all()


def test_far_points_are_judged_as_the_portable_kernel_judges_them():
    rng = np.random.default_rng(4)
    directions = rng.normal(size=(60, 2))
    roots = rng.normal(size=(3, 2, 2)) + 2 * np.eye(2)
    far = Mixture([0.2, 0.3, 0.5], rng.normal(size=(3, 2)), roots @ np.swapaxes(roots, 1, 2))
    for size in (1e3, 1e8, 1e160, 1e200, 1e290):
        for verb in ("responsibilities", "labels"):
            found, wanted = (getattr(kernel, verb)(far, directions * size)
                             for kernel in (NATIVE, PORTABLE))
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_far_ties_are_shared_by_weight_over_root_determinant():
    """Along the first axis the two are equally near; their densities differ by |Σ|^½ alone."""
    tie = Mixture([0.25, 0.75], np.zeros((2, 2)), [np.eye(2), np.diag([1.0, 9.0])])
    for x in (5.0, 1e200):
        found = NATIVE.responsibilities(tie, np.array([[x, 0.0]]))
        np.testing.assert_allclose(found, [[0.5, 0.5]], rtol=1e-12)


def test_labels_are_the_first_of_the_largest():
    twins = Mixture([0.25, 0.25, 0.5], [[0.0, 0], [0, 0], [9, 9]], [np.eye(2)] * 3)
    points = np.array([[0.0, 0], [-3, 1], [9, 9], [1e200, 1e200]])
    assert NATIVE.labels(twins, points).tolist() == [0, 0, 2, 2]


@every_spread
@pytest.mark.parametrize("d", [2, 12])
def test_components_and_rows_without_weight_change_nothing(d, spread):
    rng = np.random.default_rng([d, spread])
    weights, means, spreads = mixture(rng, 5, d, spread)
    weights[2] = 0
    with np.errstate(divide="ignore"):
        given = (spread, np.log(weights), means, spreads)
    x, w = rows(rng, means, 900), rng.exponential(size=900)
    x[0] = means[2]
    w[::5] = 0
    for scatter in range(4):
        some = native.expect_table(x[w > 0], w[w > 0], None, None, *given, scatter, 1)
        assert some[0][2] == 0 and not some[1][2].any()
        there = x.copy()
        there[::5] = np.tile([[1e200], [1.5e308], [-1e160]], (60, d))
        found = native.expect_table(there, w, None, None, *given, scatter, 1)
        for a, b in zip(found, some, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


@every_spread
@pytest.mark.parametrize(("n", "d", "k"), [(70001, 2, 4), (20011, 12, 6), (9001, 33, 5)])
def test_threads_do_not_change_a_bit(n, d, k, spread):
    rng = np.random.default_rng(n)
    weights, means, spreads = mixture(rng, k, d, spread, apart=3.0)
    x, w = rows(rng, means, n), rng.random(n)
    units = (rng.normal(size=d), np.full(d, 0.5))
    given = (spread, np.log(weights), means, spreads)
    results = []
    for threads in (1, 2, 3, 8):
        found = [
            *native.expect_table(x, w, *units, *given, 2, threads),
            *native.expect_table(x.astype(np.float32), None, None, None, *given, 3, threads),
            *native.expect_table(x, w, None, None, *given, 1, threads),
            native.log_density_table(x, *given, threads), native.labels_table(x, *given, threads),
            native.responsibilities_table(x, *given, threads),
            *native.classification_table(x, w, *given, threads),
            *native.moments_table(x, w, threads), *native.moments_table(x, None, threads),
        ]
        results.append(found)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_no_rows_have_no_sums():
    rng = np.random.default_rng(0)
    weights, means, spreads = mixture(rng, 2, 3, 3)
    given = (3, np.log(weights), means, spreads)
    found = native.expect_table(np.empty((0, 3)), None, None, None, *given, 2, 2)
    assert all(not np.any(part) for part in found)
    assert native.labels_table(np.empty((0, 3)), *given, 2).shape == (0,)


# Through the kernel's verbs: values of covariance, units, layouts


def values(rng, k, d):
    roots = np.stack([one_factor(rng, d) for _ in range(k)])
    orientations = np.linalg.qr(rng.normal(size=(k, d, d)))[0]
    return [
        Isotropic(rng.uniform(0.5, 2, k), d), Diagonal(rng.uniform(0.5, 2, (k, d))),
        Common(roots[0].copy(), k), Dense(roots),
        Oriented(rng.uniform(0.5, 2, (k, d)), orientations),
    ]


def test_every_value_that_can_be_whitened_natively_is():
    components = [Mixture.trusted(np.ones(1), np.zeros((1, 3)), covariance)
                  for covariance in values(np.random.default_rng(0), 1, 3)]
    assert [kernel_for(one) for one in components] == [NATIVE] * 5

    class Another:
        """What nobody has told the native kernel how to whiten by."""

    assert kernel_for(Mixture.trusted(np.ones(1), np.zeros((1, 3)), Another())) is PORTABLE


@pytest.mark.parametrize("form", SCATTERS)
@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_native_is_portable(d, form):
    rng = np.random.default_rng(d)
    k, n = 4, 1500
    weights, means, _ = mixture(rng, k, d, 0)
    x = rows(rng, means, n) * 2 + 0.5
    units = Units(rng.normal(size=d), 2.0 ** rng.integers(-2, 2, d))
    w = rng.exponential(size=n) * (rng.random(n) < 0.9)
    for covariance in values(rng, k, d):
        components = Mixture.trusted(weights, means, covariance)
        for given in (None, units):
            found = NATIVE.expect(components, Block(x, w), form, given, 2)
            wanted = PORTABLE.expect(components, Block(x, w), form, given)
            for field in ("weight", "shift", "scatter", "loglik", "total", "count"):
                one, other = getattr(found, field), getattr(wanted, field)
                assert np.shape(one) == np.shape(other)
                size = np.abs(other).max()
                np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12 * size)
        for verb in ("log_density", "responsibilities"):
            one, other = (getattr(kernel, verb)(components, x) for kernel in (NATIVE, PORTABLE))
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
        one, other = (kernel.classification(components, Block(x, w))
                      for kernel in (NATIVE, PORTABLE))
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_rows_in_any_order_of_memory():
    rng = np.random.default_rng(1)
    weights, means, spreads = mixture(rng, 3, 4, 3)
    components = Mixture.trusted(weights, means, Dense(spreads))
    x = rows(rng, means, 70000)
    wanted = NATIVE.expect(components, Block(x), "full")
    strided = np.repeat(x, 2, axis=1)[:, ::2]
    for other in (np.asfortranarray(x), strided, x[::-1][::-1], x[:, ::-1][:, ::-1]):
        found = NATIVE.expect(components, Block(other), "full")
        np.testing.assert_allclose(found.scatter, wanted.scatter, rtol=1e-12)
        assert found.count == wanted.count
        np.testing.assert_array_equal(NATIVE.labels(components, other),
                                      NATIVE.labels(components, x))
        np.testing.assert_array_equal(NATIVE.log_density(components, other),
                                      NATIVE.log_density(components, x))


MEMORY = """
import resource
import numpy as np
from emix.kernels import _native as native
k, d = 32, 64
x, means, factors = np.ones((120_000, d)), np.ones((k, d)), np.stack([np.eye(d)] * k)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
native.expect_table(x, None, None, None, 3, np.log(np.full(k, 1 / k)), means, factors, 2, 2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss is in other units")
def test_memory_does_not_grow_with_the_rows():
    """The sums of a chunk are half a megabyte here; those of all chunks stay below 64 MiB, where
    one (k, d, d) for each 1024 rows would be 120 MB."""
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 90 * 1024  # kilobytes


CHECK = """
import numpy as np
from emix.kernels import _native as native
print(native.instruction_set())
rng = np.random.default_rng(1)
for d in (2, 3, 5, 12, 19):
    k = 5
    x, w, means = rng.normal(0, 3, (2500, d)), rng.random(2500), rng.normal(0, 3, (k, d))
    root = rng.normal(size=(k, d, d))
    full = np.linalg.cholesky(root @ np.swapaxes(root, 1, 2) + np.eye(d))
    lw, sds = np.log(np.full(k, 1 / k)), rng.uniform(0.5, 2, (k, d))
    for form, spreads in enumerate((sds[:, 0].copy(), sds, full[0], full)):
        given = (form, lw, means, spreads)
        for scatter in range(4):
            for part in native.expect_table(x, w, None, None, *given, scatter, 2):
                print(*np.ravel(part))
        print(*native.log_density_table(x[:99], *given, 1))
        print(*native.responsibilities_table(x[:99], *given, 1).ravel())
    for part in native.moments_table(x, w, 2):
        print(*np.ravel(part))
"""


@pytest.mark.parametrize("level", native.instruction_sets())
def test_every_instruction_set_agrees(level):
    environment = {**os.environ, "EMIX_INSTRUCTION_SET": level}
    run = subprocess.run([sys.executable, "-c", CHECK], env=environment, capture_output=True,
                         text=True, check=True)
    name, *lines = run.stdout.splitlines()
    assert name == level
    collected: list[str] = []
    exec(CHECK, {"print": lambda *a: collected.append(" ".join(map(str, a)))})
    for line, mine in zip(lines, collected[1:], strict=True):
        one, other = np.array(line.split(), float), np.array(mine.split(), float)
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11 * np.abs(other).max())


@pytest.mark.parametrize("level", native.instruction_sets())
def test_what_is_left_out_cannot_be_seen_by_any_instruction_set(level):
    """Vectors of every width, in blocks that are no whole number of them."""
    test = f"{__file__}::test_what_is_left_out_cannot_be_seen[7-33-full]"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    environment = {**os.environ, "EMIX_INSTRUCTION_SET": level}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:]
    assert " passed" in run.stdout


def test_wrong_arguments_are_named():
    x, lw = np.ones((3, 2)), np.zeros(1)
    means, spreads = np.zeros((1, 2)), np.ones((1, 2))
    good = (1, lw, means, spreads)
    with pytest.raises(TypeError, match="float64 or float32"):
        native.expect_table(x.astype(int), None, None, None, *good, 1, 1)
    with pytest.raises(ValueError, match="sample_weight has the wrong shape"):
        native.expect_table(x, np.ones(2), None, None, *good, 1, 1)
    with pytest.raises(ValueError, match="threads"):
        native.expect_table(x, None, None, None, *good, 1, 0)
    with pytest.raises(ValueError, match="shift and scale"):
        native.expect_table(x, None, np.ones(2), None, *good, 1, 1)
    with pytest.raises(ValueError, match="scatter"):
        native.expect_table(x, None, None, None, *good, 4, 1)
    with pytest.raises(ValueError, match="means has the wrong shape"):
        native.labels_table(x, 1, lw, np.zeros((1, 3)), spreads, 1)
    for form in (0, 2, 3):
        with pytest.raises(ValueError, match="spreads"):
            native.labels_table(x, form, lw, means, spreads, 1)
    with pytest.raises(ValueError, match="form"):
        native.labels_table(x, 4, lw, means, spreads, 1)
