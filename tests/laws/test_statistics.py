"""The laws of Statistics: a monoid about a stated centre, whatever the columns and the form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lenient import exp, lenient, logsumexp
from nights import examples
from scipy.stats import Covariance, multivariate_normal

from emix import Mixture
from emix.arrays import Block, Units
from emix.covariance import Dense, Isotropic
from emix.kernels import PORTABLE, kernel_for
from emix.statistics import Statistics, scatter_shape

FORMS = ("spherical", "diagonal", "full", "pooled")
FIELDS = ("weight", "shift", "scatter", "loglik", "total", "count")


@dataclass
class Problem:
    """Some rows, their weights, a mixture to score them with, and the form of the scatter."""

    points: np.ndarray
    weight: np.ndarray
    mixture: Mixture
    form: str

    def expect(self, rows=slice(None), units=None, kernel=None) -> Statistics:
        kernel = kernel or kernel_for(self.mixture)
        block = Block(self.points[rows], self.weight[rows])
        return kernel.expect(self.mixture, block, self.form, units)

    def zero(self) -> Statistics:
        k, d = self.mixture.means.shape
        return Statistics.zero(self.mixture.means, scatter_shape(self.form, k, d))


def random_mixture(rng: np.random.Generator, k: int, d: int) -> Mixture:
    """Components in one column are σ², in more any positive definite matrix. All parameters are
    short binary fractions, so that sums of them with whole numbers are exact."""
    weights = rng.dirichlet(np.full(k, 2.0))
    means = rng.integers(-512, 512, (k, d)) / 256
    if d == 1:
        covariance = Isotropic(rng.integers(1, 64, k) / 32)
    else:
        factors = np.tril(rng.integers(-32, 32, (k, d, d)) / 32, -1)
        covariance = Dense(factors + np.eye(d) * rng.integers(8, 64, (k, 1, d)) / 32)
    return Mixture.trusted(weights, means, covariance)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, k, d = draw(st.integers(1, 40)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    points = np.round(rng.standard_normal((n, d)) * 3 * 2**12) / 2**12
    # No structure of one column asks for more than a trace, and pools only that.
    form = draw(st.sampled_from(FORMS if d > 1 else FORMS[:3]))
    return Problem(points, rng.integers(1, 5, n).astype(float), random_mixture(rng, k, d), form)


def densities(problem: Problem) -> np.ndarray:
    """log Φ_k + log N(x | μ_k, Σ_k), (n, k), as scipy has it from the factors: from Σ itself it
    takes eigenvalues, which are far less exact."""
    m = problem.mixture
    return np.stack([
        np.log(w) + np.atleast_1d(
            multivariate_normal(mean, Covariance.from_cholesky(factor)).logpdf(problem.points))
        for w, mean, factor in zip(m.weights, m.means, m.covariance.factors, strict=True)
    ], axis=1)


@lenient
def direct(problem: Problem, centre: np.ndarray) -> tuple[Statistics, Statistics]:
    """The sums by their definition about `centre`, and the sums of their absolute terms, each
    times the logarithm that its responsibility is the exponential of."""
    logs = densities(problem)
    loglik = logsumexp(logs, axis=1)
    wr = problem.weight[:, None] * exp(logs - loglik[:, None])
    deviations = problem.points[:, None] - centre
    outer = np.einsum("nki,nkj->nkij", deviations, deviations)
    reduced = {
        "spherical": np.einsum("nkii->nk", outer), "diagonal": np.einsum("nkii->nki", outer),
        "full": outer, "pooled": outer,
    }[problem.form]
    w, terms = problem.weight, reduced.ndim - 2

    def sums(size, wr):
        scatter = (wr.reshape(*wr.shape, *[1] * terms) * size(reduced)).sum(axis=0)
        if problem.form == "pooled":
            scatter = scatter.sum(axis=0, keepdims=True)
        return Statistics(
            centre, wr.sum(axis=0), (wr[:, :, None] * size(deviations)).sum(axis=0), scatter,
            float(w @ size(loglik)), float(w.sum()), len(w),
        )

    return sums(lambda a: a, wr), sums(np.abs, wr * (1 + np.abs(logs)))


@lenient
def assert_close(found: Statistics, wanted: Statistics, size: Statistics, rtol=1e-12) -> None:
    np.testing.assert_array_equal(found.centre, wanted.centre)
    for field in FIELDS:
        error = np.abs(getattr(found, field) - getattr(wanted, field))
        assert np.all(error <= rtol * np.abs(getattr(size, field)) + 1e-300), field
    assert found.count == wanted.count


def assert_same_bits(a: Statistics, b: Statistics) -> None:
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field), err_msg=field)


@given(problems())
def test_the_sums_are_those_of_the_definition(problem):
    for kernel in {kernel_for(problem.mixture), PORTABLE}:
        found = problem.expect(kernel=kernel)
        assert found.shift.shape == problem.mixture.means.shape
        assert found.scatter.shape == problem.zero().scatter.shape
        assert_close(found, *direct(problem, problem.mixture.means))


@given(problems())
def test_zero_is_neutral_to_the_bit(problem):
    found = problem.expect()
    assert_same_bits(found + problem.zero(), found)
    assert_same_bits(problem.zero() + found, found)
    assert_same_bits(problem.zero() + problem.zero(), problem.zero())


@given(problems(), st.data())
def test_parts_in_any_order_and_grouping_are_the_whole(problem, data):
    n = len(problem.points)
    i, j = sorted((data.draw(st.integers(0, n)), data.draw(st.integers(0, n))))
    parts = [problem.expect(slice(*ends)) if ends[0] < ends[1] else problem.zero()
             for ends in ((0, i), (i, j), (j, n))]
    a, b, c = parts
    whole, size = problem.expect(), direct(problem, problem.mixture.means)[1]
    assert_same_bits(a + b, b + a)
    for merged in ((a + b) + c, a + (b + c), (c + a) + b):
        assert_close(merged, whole, size, rtol=1e-13)


@given(problems(), st.sampled_from([1e8, -1e8, 2.0**30]))
def test_an_offset_of_everything_changes_no_bit(problem, offset):
    m = problem.mixture
    far = replace(
        problem, points=problem.points + offset,
        mixture=Mixture.trusted(m.weights, m.means + offset, m.covariance),
    )
    for kernel in {kernel_for(m), PORTABLE}:
        assert_same_bits(far.expect(kernel=kernel), problem.expect(kernel=kernel))


@given(problems(), st.data())
def test_rows_of_weight_zero_change_no_bit_of_the_portable_sums(problem, data):
    at = data.draw(st.lists(st.integers(0, len(problem.points)), min_size=1, max_size=9))
    wild = data.draw(st.sampled_from([0.0, 1e3, -1e200]))
    padded = replace(problem, points=np.insert(problem.points, at, wild, axis=0),
                     weight=np.insert(problem.weight, at, 0.0))
    assert_same_bits(padded.expect(kernel=PORTABLE), problem.expect(kernel=PORTABLE))
    assert_close(padded.expect(), problem.expect(), direct(problem, problem.mixture.means)[1])


@given(problems())
def test_a_whole_weight_is_repetition(problem):
    times = problem.weight.astype(int)
    repeated = replace(problem, points=problem.points.repeat(times, axis=0),
                       weight=np.ones(times.sum()))
    weighted, found = problem.expect(), repeated.expect()
    size = direct(problem, problem.mixture.means)[1]
    assert_close(replace(found, count=weighted.count), weighted, size)
    assert (weighted.count, found.count) == (len(times), times.sum())


@given(problems(), st.integers(0, 2**32))
def test_recentred_is_the_direct_sum_about_the_other_centre(problem, seed):
    rng = np.random.default_rng(seed)
    centre = problem.mixture.means + rng.normal(0, 2, problem.mixture.means.shape)
    found = problem.expect().recentred(centre)
    wanted, size = direct(problem, centre)
    # Terms about the old centre are as large as the larger of the two distances.
    old = direct(problem, problem.mixture.means)[1]
    moved = centre - problem.mixture.means
    extra = old.weight[:, None] * np.abs(moved)
    step = np.abs(moved).sum(axis=1) ** 2 * old.weight
    step = step.reshape(-1, *[1] * (size.scatter.ndim - 1))
    if problem.form == "pooled":
        step = step.sum(axis=0, keepdims=True)
    size = replace(size, shift=size.shift + extra + old.shift,
                   scatter=2 * (size.scatter + step + np.abs(old.scatter)))
    assert_close(found, wanted, size)


@given(problems())
def test_scatter_about_the_own_mean_is_the_least(problem):
    """Steiner: about any other centre it grows by weight times squared distance."""
    found = problem.expect()
    alive = found.weight > 1e-6
    own = found.centre + found.shift / np.where(alive, found.weight, 1)[:, None]
    trace = {"spherical": "k->k", "diagonal": "kd->k"}.get(problem.form, "kdd->k")
    at_own = np.einsum(trace, found.scatter_about(own))
    beside = np.einsum(trace, found.scatter_about(own + 0.5))
    grown = found.weight * own.shape[1] / 4
    if problem.form == "pooled":
        # One sum for all: components of next to no weight are in it, and count next to nothing.
        np.testing.assert_allclose(beside, at_own + grown.sum(), rtol=1e-5)
        return
    np.testing.assert_allclose(beside[alive], (at_own + grown)[alive], rtol=1e-12)


def test_scatter_about_the_own_mean_is_never_negative():
    """Equal points: rounding must not leave a variance below zero."""
    for x in (0.1, 1 / 3, 1e8 + 0.1):
        centre = np.array([[x + 0.7]])
        s = Statistics(centre, np.array([7.3]), np.array([[7.3 * (x - centre[0, 0])]]),
                       np.array([7.3 * (x - centre[0, 0]) ** 2]), 0.0, 7.3, 7)
        about = s.scatter_about(centre + s.shift / s.weight[:, None])
        assert 0 <= about[0] <= 1e-14


def test_statistics_about_different_centres_do_not_add():
    rng = np.random.default_rng(5)
    points, mixture = rng.normal(size=(30, 1)), random_mixture(rng, 2, 1)
    other = Mixture.trusted(mixture.weights, mixture.means + 2.0**-40, mixture.covariance)
    a = kernel_for(mixture).expect(mixture, Block(points[:10]), "spherical")
    b = kernel_for(other).expect(other, Block(points[10:]), "spherical")
    with pytest.raises(ValueError, match="recentre one first"):
        a + b
    merged = a + b.recentred(a.centre)
    assert (merged.count, merged.total) == (30, 30.0)
    # An equal centre need not be the same object.
    assert (a + replace(a, centre=a.centre.copy())).count == 20


def assert_same_where_normal(there_and_back, values, factor):
    """Equal to the bit where what is divided by a factor is a normal number or nothing; of less
    than that all digits but the first may be lost."""
    with np.errstate(under="ignore"):
        tiny = np.broadcast_to(np.finfo(float).tiny * np.asarray(factor), values.shape)
    is_normal = (values == 0) | (abs(values) >= tiny)
    np.testing.assert_array_equal(there_and_back[is_normal], values[is_normal])
    with np.errstate(under="ignore"):
        assert (abs(there_and_back - values)[~is_normal] <= tiny[~is_normal]).all()


def test_what_is_less_than_any_double_in_the_units_of_the_data_is_nothing_there():
    """A point 38 standard deviations away, in units 2^15 times as fine (found by the law below)."""
    mixture = Mixture.univariate([0.1, 0.9], [-1.63671875, 0.9453125], [0.125, 1.15625])
    units = Units(np.array([3.25]), np.array([2.0**15]))
    inside = kernel_for(mixture).expect(mixture, Block(np.array([[3.05]])), "spherical")
    assert 0 < inside.shift[0, 0] < np.finfo(float).tiny * 2.0**15
    out = inside.outward(units)
    assert 0 <= out.shift[0, 0] < np.finfo(float).tiny and out.shift[1, 0] > 0


@settings(max_examples=examples(60))
@given(problems(), st.integers(-40, 40), st.data())
def test_outward_gives_the_sums_in_the_units_of_the_data(problem, exponent, data):
    """Scored in internal units and taken outward = scored in the data's own, to the bit: powers
    of two are exact, and so is a shift that is a short binary fraction."""
    d = problem.points.shape[1]
    exponents = [exponent] * d
    if d > 1 and problem.form != "spherical":
        exponents = data.draw(st.lists(st.integers(-40, 40), min_size=d, max_size=d))
    units = Units(np.full(d, 3.25), 2.0 ** np.array(exponents))
    outside = replace(problem, points=problem.points / units.scale + units.shift)
    inside = problem.expect()
    # Only where leaving the internal units is exact does coming back find the same numbers.
    assume(np.array_equal(units.inward(outside.points), problem.points))
    scored = outside.expect(units=units)
    assert_same_bits(scored, inside)
    out = scored.outward(units)
    with np.errstate(under="ignore"):
        shift = out.shift * units.scale
    assert_same_where_normal(shift, inside.shift, units.scale)
    factor = units.scale**2 if problem.form == "diagonal" else (
        units.scale[0] ** 2 if problem.form == "spherical" else
        np.outer(units.scale, units.scale))
    with np.errstate(under="ignore"):
        scatter = out.scatter * factor
    assert_same_where_normal(scatter, inside.scatter, factor)
    np.testing.assert_array_equal(out.centre, problem.mixture.means / units.scale + units.shift)
    # A density in x is that in z times |dz/dx|.
    loglik = logsumexp(densities(problem), axis=1) + sum(exponents) * np.log(2)
    assert out.loglik == pytest.approx(problem.weight @ loglik, rel=1e-12, abs=1e-9)
    assert (out.total, out.count) == (inside.total, inside.count)


@settings(max_examples=examples(60))
@given(problems(), st.integers(-20, 20), st.integers(-20, 20))
def test_scaling_is_of_weights_and_goes_through_sums(problem, one, other):
    """By powers of two, which are exact: to the bit."""
    n = len(problem.points) // 2
    a, b, factor = problem.expect(slice(0, n)), problem.expect(slice(n, None)), 2.0**one
    if n:
        assert_same_bits((a + b).scaled(factor), a.scaled(factor) + b.scaled(factor))
    assert_same_bits(b.scaled(factor).scaled(2.0**other), b.scaled(2.0 ** (one + other)))
    assert_same_bits(b.scaled(1.0), b)
    weighted = replace(problem, weight=problem.weight * factor).expect(slice(n, None))
    np.testing.assert_array_equal(weighted.scatter, b.scaled(factor).scatter)
    np.testing.assert_array_equal(weighted.weight, b.scaled(factor).weight)
