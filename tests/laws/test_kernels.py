"""What every kernel owes: the same E-step, however it is computed."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenient import exp, logsumexp, multiply, xlogy

from emix import Mixture
from emix.arrays import Block, Units
from emix.covariance import Dense, Isotropic
from emix.kernels import NATIVE, PORTABLE, kernel_for

KERNELS = [
    pytest.param(PORTABLE, id="portable"),
    pytest.param(NATIVE, id="native", marks=pytest.mark.skipif(
        NATIVE is None, reason="native kernel not built")),
]
every_kernel = pytest.mark.parametrize("kernel", KERNELS)
needs_native = pytest.mark.skipif(NATIVE is None, reason="native kernel not built")
LARGEST = mpmath.mpf(np.finfo(float).max)


def random_mixture(rng: np.random.Generator, k: int) -> Mixture:
    return Mixture.univariate(rng.dirichlet(np.ones(k)), rng.normal(0, 3, k),
                              np.exp(rng.uniform(-3, 1, k)))


def exact_log_terms(mixture: Mixture, x: float) -> list[mpmath.mpf]:
    """log Φ_k + log N(x | μ_k, σ_k²) in 50 digits, −∞ for components of no weight."""
    parameters = (mixture.weights, mixture.means[:, 0], mixture.sds)
    with mpmath.workdps(50):
        return [
            mpmath.log(w) - mpmath.log(s) - mpmath.log(2 * mpmath.pi) / 2
            - ((mpmath.mpf(x) - m) / s) ** 2 / 2 if w > 0 else -mpmath.inf
            for w, m, s in zip(*(map(mpmath.mpf, p) for p in parameters), strict=True)
        ]


def exact(mixture: Mixture, x: float) -> tuple[mpmath.mpf, list[float]]:
    """Log-density and responsibilities in 50 digits."""
    with mpmath.workdps(50):
        logs = exact_log_terms(mixture, x)
        largest = max(logs)
        total = mpmath.fsum(mpmath.exp(t - largest) for t in logs)
        shares = [float(mpmath.exp(t - largest) / total) for t in logs]
        return largest + mpmath.log(total), shares


@every_kernel
@pytest.mark.parametrize("away", [0.0, 0.5, 7.0, 40.0, 1e3, 1e8, 1e150])
def test_density_and_responsibilities_as_fifty_digits_have_them(kernel, away):
    rng = np.random.default_rng(11)
    for k in (1, 2, 3, 5, 8, 13):
        mixture = random_mixture(rng, k)
        points = np.array([-away, away, away + 0.125])[:, None]
        log_density = kernel.log_density(mixture, points)
        responsibilities = kernel.responsibilities(mixture, points)
        for x, found, shares in zip(points[:, 0], log_density, responsibilities, strict=True):
            wanted, wanted_shares = exact(mixture, float(x))
            assert abs(found - wanted) <= 1e-14 * max(1, abs(wanted))
            # A share is the exponential of a difference of squares, each rounded.
            slack = 1e-13 + 8e-16 * min(float(abs(wanted)), 1e12)
            np.testing.assert_allclose(shares, wanted_shares, atol=min(slack, 1e-3), rtol=0)


@every_kernel
@pytest.mark.parametrize("away", [1e3, 1e8, 1e153, 1e156, 1e200, 1e300])
@pytest.mark.parametrize("k", [1, 2, 3, 7, 30])
def test_far_points_have_finite_responsibilities(kernel, away, k):
    mixture = random_mixture(np.random.default_rng(k), k)
    points = np.array([[away], [-away], [away / 3]])
    with np.errstate(all="raise"):
        responsibilities = kernel.responsibilities(mixture, points)
        labels = kernel.labels(mixture, points)
        log_density = kernel.log_density(mixture, points)
        found = kernel.expect(mixture, Block(points), "spherical")
    assert np.isfinite(responsibilities).all() and (responsibilities >= 0).all()
    np.testing.assert_allclose(responsibilities.sum(axis=1), 1, rtol=0, atol=1e-12)
    # Far away the widest component is the nearest in its own standard deviations.
    np.testing.assert_array_equal(labels, mixture.sds.argmax())
    np.testing.assert_array_equal(responsibilities.argmax(axis=1), labels)
    for x, value in zip(points[:, 0], log_density, strict=True):
        wanted = exact(mixture, float(x))[0]
        if wanted < -LARGEST:
            assert value == -np.inf
        else:
            assert abs(value - wanted) <= 1e-13 * abs(wanted)
    np.testing.assert_allclose(found.weight, responsibilities.sum(axis=0), rtol=1e-12, atol=1e-300)


@every_kernel
@pytest.mark.parametrize("k", [2, 5, 12])
def test_a_component_of_no_weight_gets_nothing(kernel, k):
    rng = np.random.default_rng(k)
    weights = rng.dirichlet(np.ones(k))
    weights[k // 2] = 0
    sds = np.where(weights == 0, 100.0, 1.0)
    mixture = Mixture.univariate(weights / weights.sum(), np.arange(k, dtype=float), sds)
    # On its own mean, and far away where it is the nearest of all.
    points = np.array([[float(k // 2)], [1e9], [-1e200]])
    with np.errstate(all="raise"):
        responsibilities = kernel.responsibilities(mixture, points)
        found = kernel.expect(mixture, Block(points[:2]), "spherical")
    assert (responsibilities[:, k // 2] == 0).all()
    np.testing.assert_allclose(responsibilities.sum(axis=1), 1, atol=1e-12, rtol=0)
    assert found.weight[k // 2] == found.shift[k // 2, 0] == found.scatter[k // 2] == 0


@every_kernel
@pytest.mark.parametrize("away", np.linspace(37.0, 39.0, 21).tolist())
@pytest.mark.parametrize("d", [1, 2])
def test_sums_of_a_component_that_hardly_any_point_belongs_to(kernel, away, d):
    """Found at night: a sum of squares times a variance is less than any double, and no error."""
    sds, means = np.array([100.0, 1e-4]), np.ones((2, d))
    means[1, 0] += away * sds[1]
    covariance = Isotropic(sds) if d == 1 else Dense(sds[:, None, None] * np.eye(d))
    mixture = Mixture.trusted(np.array([0.5, 0.5]), means, covariance)
    points = np.ones((3, d))
    with np.errstate(all="raise"):
        found = kernel.expect(mixture, Block(points), "spherical")
    log_share = d * np.log(sds[0] / sds[1]) - away**2 / 2
    with np.errstate(under="ignore"):
        assert found.weight[1] == pytest.approx(3 * np.exp(log_share), rel=1e-6, abs=1e-307)
        square = (away * sds[1]) ** 2
        assert found.scatter[1] == pytest.approx(square * found.weight[1], rel=1e-6, abs=1e-307)
    assert found.weight[0] == pytest.approx(3, rel=1e-15)


@needs_native
@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32), n=st.integers(1, 3000), k=st.integers(1, 30),
    weighted=st.booleans(), single=st.booleans(), far=st.sampled_from([0.0, 1e3, 1e8]),
    in_units=st.booleans(), form=st.sampled_from(["spherical", "diagonal", "full"]),
)
def test_native_is_portable(seed, n, k, weighted, single, far, in_units, form):
    rng = np.random.default_rng(seed)
    mixture = random_mixture(rng, k)
    points = rng.normal(0, 4, (n, 1))
    points[rng.integers(0, n, 3)] += far
    points = points.astype(np.float32) if single else points
    weight = rng.exponential(size=n) * (rng.random(n) < 0.9) if weighted else None
    units = Units(np.array([1.25]), np.array([0.5])) if in_units else None
    block = Block(points, weight)
    native = NATIVE.expect(mixture, block, form, units, threads=2)
    portable = PORTABLE.expect(mixture, block, form, units)

    z = points.astype(float) if units is None else units.inward(points)
    w = np.ones(n) if weight is None else weight
    wr = multiply(w[:, None], PORTABLE.responsibilities(mixture, z))
    deviations = np.abs(z - mixture.means[:, 0])
    sizes = {
        "weight": wr.sum(axis=0), "shift": multiply(wr, deviations).sum(axis=0)[:, None],
        "scatter": multiply(wr, deviations**2).sum(axis=0).reshape(portable.scatter.shape),
        "loglik": w @ np.abs(PORTABLE.log_density(mixture, z)), "total": w.sum(),
    }
    # Rounding of a point's distance makes an error in its responsibility that grows with the
    # distance squared; only near the mixture can 1e-12 hold.
    rtol = 1e-12 if far == 0 else 1e-9
    for field, size in sizes.items():
        error = np.abs(getattr(native, field) - getattr(portable, field))
        # Below the least normal double digits are lost to any arithmetic.
        assert np.all(error <= multiply(rtol, size) + 1e-300), field
    assert native.count == portable.count == np.count_nonzero(w)

    np.testing.assert_allclose(
        NATIVE.log_density(mixture, points), PORTABLE.log_density(mixture, points), rtol=1e-13,
        atol=1e-13,
    )
    r = PORTABLE.responsibilities(mixture, points)
    np.testing.assert_allclose(NATIVE.responsibilities(mixture, points), r, rtol=0, atol=rtol)
    first, second = (np.sort(r, axis=1)[:, -2:].T if k > 1 else (np.zeros(n), r[:, 0]))
    sure = second - first > 1e-6
    np.testing.assert_array_equal(
        NATIVE.labels(mixture, points)[sure], PORTABLE.labels(mixture, points)[sure]
    )
    np.testing.assert_allclose(
        NATIVE.classification(mixture, block), PORTABLE.classification(mixture, block),
        rtol=1e-8, atol=1e-9,
    )


@every_kernel
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
def test_threads_do_not_change_a_bit(kernel, dtype, weighted):
    rng = np.random.default_rng(3)
    n = 200_003
    mixture = random_mixture(rng, 3)
    points = rng.normal(0, 4, (n, 1)).astype(dtype)
    block = Block(points, rng.exponential(size=n) if weighted else None)
    units = Units(np.array([0.7]), np.array([2.0]))

    def everything(threads):
        s = kernel.expect(mixture, block, "spherical", units, threads)
        rows = points[:150_000]
        return [
            s.weight, s.shift, s.scatter, s.loglik, s.total,
            kernel.log_density(mixture, rows, threads),
            kernel.responsibilities(mixture, rows, threads),
            kernel.labels(mixture, rows, threads),
            np.array(kernel.classification(mixture, block, threads)),
        ]

    alone = everything(1)
    for threads in (2, 3, 8):
        for one, many in zip(alone, everything(threads), strict=True):
            np.testing.assert_array_equal(one, many)


@every_kernel
def test_labels_are_the_first_of_the_largest(kernel):
    twins = Mixture.univariate([0.25, 0.25, 0.5], [0.0, 0.0, 9.0], [1.0, 1.0, 1.0])
    points = np.array([[0.0], [-3.0], [9.0], [1e200]])
    assert kernel.labels(twins, points).tolist() == [0, 0, 2, 2]


@every_kernel
@pytest.mark.parametrize("weighted", [False, True])
def test_classification_is_its_definition(kernel, weighted):
    rng = np.random.default_rng(8)
    mixture, points = random_mixture(rng, 4), rng.normal(0, 4, (10_000, 1))
    weight = rng.integers(0, 4, len(points)).astype(float) if weighted else None
    logs = np.log(mixture.weights) - np.log(mixture.sds) \
        - 0.5 * ((points - mixture.means[:, 0]) / mixture.sds) ** 2
    r = exp(logs - logsumexp(logs, axis=1, keepdims=True))
    w = np.ones(len(points)) if weight is None else weight
    hard, soft = kernel.classification(mixture, Block(points, weight))
    assert hard == pytest.approx(w @ np.log(r.max(axis=1)), rel=1e-11)
    assert soft == pytest.approx(w @ xlogy(r, r).sum(axis=1), rel=1e-11)


@every_kernel
def test_classification_of_sure_points_is_zero(kernel):
    mixture = Mixture.univariate([0.5, 0.5], [-1e3, 1e3], [1.0, 1.0])
    block = Block(np.array([[-1e3], [1e3 + 2], [1e5]]))
    assert kernel.classification(mixture, block) == (0.0, 0.0)


def test_the_kernel_chosen_can_score_the_components():
    flat = Mixture([1.0], [[0.0, 0.0]], [np.eye(2)])
    assert kernel_for(flat) is (NATIVE or PORTABLE)
    assert kernel_for(random_mixture(np.random.default_rng(0), 2)) is (NATIVE or PORTABLE)


def test_an_ill_conditioned_covariance_keeps_its_digits():
    """scikit-learn issue 29989: condition 1e9; the decimals as printed, in 50 digits."""
    rows = ["32.00000007 35.99999993 8.00000001", "35.99999993 40.50000006 8.99999998",
            "8.00000001 8.99999998 2.00000008"]
    decimals = [row.split() for row in rows]
    mixture = Mixture([1.0], np.zeros((1, 3)), [np.array(decimals, dtype=float)])
    with mpmath.workdps(50):
        # The doubles nearest the decimals, since those are what was given.
        sigma = mpmath.matrix([[mpmath.mpf(float(v)) for v in row] for row in decimals])
        wanted = -mpmath.log(mpmath.det(sigma)) / 2 - 3 * mpmath.log(2 * mpmath.pi) / 2
    assert isinstance(mixture.covariance, Dense)
    assert mixture.logpdf(np.zeros((1, 3)))[0] == pytest.approx(float(wanted), rel=1e-7)
    assert float(wanted) == pytest.approx(11.18527087, rel=1e-6)


def test_far_points_in_two_columns_belong_to_the_nearest_in_its_own_metric():
    """By 50-digit distances: where every density underflows, and squares overflow."""
    rng = np.random.default_rng(4)
    directions = rng.normal(size=(60, 2))
    for size in (1e3, 1e8, 1e160, 1e200, 1e290):
        roots = rng.normal(size=(3, 2, 2)) + 2 * np.eye(2)
        mixture = Mixture([0.2, 0.3, 0.5], rng.normal(size=(3, 2)),
                          roots @ np.swapaxes(roots, 1, 2))
        points = directions * size
        with np.errstate(all="raise"):
            responsibilities = PORTABLE.responsibilities(mixture, points)
        np.testing.assert_allclose(responsibilities.sum(axis=1), 1, atol=1e-12, rtol=0)
        with mpmath.workdps(50):
            inverses = [mpmath.matrix(s.tolist()) ** -1 for s in mixture.covariances]
            for point, found in zip(points, responsibilities, strict=True):
                distances = []
                for mean, inverse in zip(mixture.means, inverses, strict=True):
                    apart = mpmath.matrix([mpmath.mpf(p) - m for p, m in
                                           zip(point, mean.tolist(), strict=True)])
                    distances.append((apart.T * inverse * apart)[0])
                ordered = sorted(distances)
                if ordered[0] < ordered[1] * (1 - mpmath.mpf(10) ** -2):
                    assert found[distances.index(ordered[0])] > 1 - 1e-9


def test_far_ties_are_shared_by_weight_over_root_determinant():
    """Along the first axis the two are equally near; their densities differ by |Σ|^½ alone."""
    mixture = Mixture([0.25, 0.75], np.zeros((2, 2)), [np.eye(2), np.diag([1.0, 9.0])])
    for x in (5.0, 1e200):
        found = PORTABLE.responsibilities(mixture, np.array([[x, 0.0]]))
        np.testing.assert_allclose(found, [[0.5, 0.5]], rtol=1e-12)
