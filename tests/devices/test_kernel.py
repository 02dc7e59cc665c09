"""The portable kernel on other libraries' arrays: the same sums as on NumPy's, its oracle."""

from __future__ import annotations

import numpy as np
import pytest
from lenient import lenient
from members import VALUES, value

from emix import Mixture
from emix.arrays import Block, Units
from emix.covariance import Isotropic
from emix.devices import HOST, device_of
from emix.kernels import PORTABLE, kernel_for, portable

FORMS = ("spherical", "diagonal", "full", "pooled")
FIELDS = ("weight", "shift", "scatter", "loglik", "total")


def problem(seed, kind, k=3, d=2, n=700, dtype=np.float64):
    """A mixture, rows it might have made in other units, weights (some 0), and the units."""
    rng = np.random.default_rng(seed)
    covariance = value(kind, rng, k, d)
    mixture = Mixture.trusted(rng.dirichlet(np.full(k, 2.0)), rng.normal(0, 3, (k, d)), covariance)
    units = Units(rng.normal(size=d), 2.0 ** rng.integers(-3, 3, d))
    # Single digits of rows in float32 are as exact as those of rows in float64.
    x = units.outward(mixture.sample(n, seed)[0].reshape(n, d)).astype(dtype)
    weight = rng.exponential(size=n) * (rng.random(n) < 0.8)
    return mixture, x, weight, units


@lenient
def sizes(mixture, x, weight, units, form):
    """The sums of absolute terms, which rounding is in proportion to."""
    z = units.inward(x)
    wr = weight[:, None] * PORTABLE.responsibilities(mixture, z)
    apart = np.abs(z[:, None] - mixture.means)
    outer = np.einsum("nk,nki,nkj->kij", wr, apart, apart)
    scatter = {"spherical": np.einsum("kii->k", outer), "diagonal": np.einsum("kii->ki", outer),
               "full": outer, "pooled": outer.sum(axis=0, keepdims=True)}[form]
    loglik = weight @ np.abs(PORTABLE.log_density(mixture, z))
    return wr.sum(axis=0), np.einsum("nk,nki->ki", wr, apart), scatter, loglik, weight.sum()


def assert_sums(found, wanted, terms, rtol):
    for field, size in zip(FIELDS, terms, strict=True):
        error = np.abs(getattr(found, field) - getattr(wanted, field))
        assert np.all(error <= rtol * size + 1e-300), field
    assert found.count == wanted.count


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", VALUES)
def test_the_sums_are_those_of_numpy(library, traffic, kind, form):
    for seed, dtype in ((1, np.float64), (2, np.float32)):
        mixture, x, weight, units = problem(seed, kind, dtype=dtype)
        for w in (weight, None):
            there = Block(library.put(x), None if w is None else library.put(w))
            found = PORTABLE.expect(mixture, there, form, units)
            wanted = PORTABLE.expect(mixture, Block(x, w), form, units)
            terms = sizes(mixture, x, np.ones(len(x)) if w is None else w, units, form)
            assert_sums(found, wanted, terms, 1e-12)
            assert found.centre is mixture.means


@pytest.mark.parametrize(("k", "d"), [(1, 1), (4, 1), (13, 1), (1, 5), (4, 5), (13, 5), (4, 40)])
def test_any_number_of_columns_and_components(library, traffic, k, d):
    kind = "Isotropic" if d == 1 else "Dense"
    mixture, x, weight, units = problem(k * d, kind, k, d, n=300)
    found = PORTABLE.expect(mixture, Block(library.put(x), library.put(weight)), "full", units)
    wanted = PORTABLE.expect(mixture, Block(x, weight), "full", units)
    # Rows come from covariances with conditions of up to 1e7 at forty columns.
    assert_sums(found, wanted, sizes(mixture, x, weight, units, "full"), 1e-8 if d > 20 else 1e-11)


def test_blocks_are_scored_in_runs(library, traffic, monkeypatch):
    """With an end that fills no run, and with one row alone."""
    monkeypatch.setattr(portable, "CELLS", 300)
    monkeypatch.setattr(portable, "ROWS", 100)
    mixture, x, weight, units = problem(5, "Dense", n=501)
    x_there = library.put(x)
    found = PORTABLE.expect(mixture, Block(x_there, library.put(weight)), "full", units)
    wanted = PORTABLE.expect(mixture, Block(x, weight), "full", units)
    assert_sums(found, wanted, sizes(mixture, x, weight, units, "full"), 1e-12)
    for verb in ("log_density", "responsibilities", "labels"):
        whole = library.take(getattr(PORTABLE, verb)(mixture, x_there))
        np.testing.assert_allclose(whole, getattr(PORTABLE, verb)(mixture, x), rtol=1e-11,
                                   atol=1e-14)
    some = Block(x_there).rows(200, 350)
    whole = PORTABLE.expect(mixture, some, "full", units)
    alone = PORTABLE.expect(mixture, Block(x[200:350]), "full", units)
    np.testing.assert_allclose(whole.scatter, alone.scatter, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", VALUES)
def test_rows_are_judged_where_they_are(library, traffic, kind):
    mixture, x, weight, _ = problem(7, kind)
    there = library.put(x)
    found = {verb: getattr(PORTABLE, verb)(mixture, there)
             for verb in ("log_density", "responsibilities", "labels")}
    for verb, array in found.items():
        assert isinstance(array, library.kind) and array.device == library.place
        wanted = getattr(PORTABLE, verb)(mixture, x)
        assert tuple(array.shape) == wanted.shape
        np.testing.assert_allclose(library.take(array), wanted, rtol=1e-11, atol=1e-13)
    assert traffic.total == 0
    both = PORTABLE.classification(mixture, Block(there, library.put(weight)))
    np.testing.assert_allclose(both, PORTABLE.classification(mixture, Block(x, weight)),
                               rtol=1e-10, atol=1e-12)


def test_only_sums_come_to_the_host(library, traffic):
    """k d² numbers and a few more, however many rows there are."""
    k, d = 3, 2
    for n in (500, 5000):
        mixture, x, weight, units = problem(n, "Dense", k, d, n)
        traffic.total = 0
        PORTABLE.expect(mixture, Block(library.put(x), library.put(weight)), "full", units)
        assert traffic.total == 8 * (k + k * d + k * d * d + 2)


@pytest.mark.parametrize("away", [1e3, 1e8, 1e160, 1e200, 1e290])
def test_far_rows_have_finite_responsibilities(library, away):
    rng = np.random.default_rng(4)
    roots = rng.normal(size=(3, 2, 2)) + 2 * np.eye(2)
    mixture = Mixture([0.2, 0.3, 0.5], rng.normal(size=(3, 2)), roots @ np.swapaxes(roots, 1, 2))
    x = rng.normal(size=(60, 2)) * away
    found = library.take(PORTABLE.responsibilities(mixture, library.put(x)))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found, PORTABLE.responsibilities(mixture, x), rtol=0, atol=1e-6)


def test_a_component_of_no_weight_gets_nothing(library):
    mixture = Mixture.univariate([0.5, 0.0, 0.5], [0.0, 1.0, 2.0], [1.0, 100.0, 1.0])
    there = library.put(np.array([[1.0], [1e9], [-1e200]]))
    assert (library.take(PORTABLE.responsibilities(mixture, there))[:, 1] == 0).all()
    found = PORTABLE.expect(mixture, Block(there[:2, :]), "spherical")
    assert found.weight[1] == found.shift[1, 0] == found.scatter[1] == 0


def test_nearest_components_share_what_underflows_against_others():
    """The nearest has all of it, though the limit of its density is no double beside another's."""
    spheres = Isotropic(np.array([1e-50, 1e50]), 8)
    mixture = Mixture.trusted(np.array([0.5, 0.5]), np.zeros((2, 8)), spheres)
    far = np.full((1, 8), 1e300)
    assert PORTABLE.responsibilities(mixture, far).tolist() == [[0.0, 1.0]]
    narrow = Mixture.trusted(mixture.weights, mixture.means, spheres.reordered(np.array([1, 0])))
    assert PORTABLE.responsibilities(narrow, far).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("form", FORMS)
def test_without_double_precision_sums_are_right_to_a_few_roundings(single, traffic, form):
    mixture, x, weight, units = problem(3, "Dense", n=40_000)
    # Numbers as the device has them: what it is not told it cannot know.
    x = x.astype(np.float32).astype(float)
    there = Block(single.put(x), single.put(weight))
    found = PORTABLE.expect(mixture, there, form, units)
    wanted = PORTABLE.expect(mixture, Block(x, weight), form, units)
    # A share is the exponential of a squared distance, whose roundings are as many.
    assert_sums(found, wanted, sizes(mixture, x, weight, units, form), 100 * single.rounding)
    assert device_of(there.points).rounding == single.rounding
    assert PORTABLE.log_density(mixture, there.points).dtype == there.points.dtype


def test_the_kernel_goes_by_the_library(library):
    mixture, x, _, _ = problem(1, "Dense")
    assert kernel_for(mixture, library.put(x)) is PORTABLE
    assert kernel_for(mixture, x) is kernel_for(mixture)
    assert device_of(x) is HOST and device_of(library.put(x)) is device_of(library.put(x + 1))
