"""Priors: their densities, and what makes none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from emix import DirichletPrior, NormalPrior, ParameterError
from emix.arrays import Units
from emix.covariance import Isotropic
from emix.model.priors import NormalMeans, Prior

ALL = np.array([True, True, True])
MEANS = ALL[:, None]
UNIT = Isotropic(np.ones(3))


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (-3.0, 0.01), (1e6, 1e-3)])
def test_the_normal_prior_has_the_normal_density(mean, sd):
    means = mean + sd * np.array([0.0, 0.5, -3.0])
    wanted = stats.norm(mean, sd).logpdf(means).sum()
    laid_out = NormalMeans.of(NormalPrior(mean, sd), 1)
    assert laid_out.log_density(means[:, None], MEANS) == pytest.approx(wanted, rel=1e-8)
    assert laid_out.log_density(means[:, None], ~MEANS) == 0.0


@pytest.mark.parametrize("alpha", [2.0, [1.5, 2.0, 7.0], (1.0, 1.0, 3.0)])
def test_the_dirichlet_prior_has_the_dirichlet_density(alpha):
    prior, weights = Prior.parse(DirichletPrior(alpha), 3), np.array([0.2, 0.3, 0.5])
    wanted = stats.dirichlet(np.broadcast_to(alpha, 3)).logpdf(weights)
    assert prior.log_density(weights, ALL, np.zeros((3, 1)), MEANS, UNIT) == pytest.approx(wanted)


def test_where_weights_are_held_it_is_on_what_the_others_share():
    prior = Prior.parse(DirichletPrior([2.0, 5.0, 3.0]), 3)
    learned = np.array([True, False, True])
    found = prior.log_density(np.array([0.1, 0.6, 0.3]), learned, np.zeros((3, 1)), MEANS,
                              UNIT)
    assert found == pytest.approx(stats.dirichlet([2.0, 3.0]).logpdf([0.25, 0.75]))


def test_a_weight_of_zero_is_impossible_only_where_the_prior_says_so():
    weights = np.array([0.0, 0.4, 0.6])
    means = np.zeros((3, 1))
    impossible = Prior.parse(DirichletPrior(2.0), 3)
    assert impossible.log_density(weights, ALL, means, MEANS, UNIT) == -np.inf
    flat_there = Prior.parse(DirichletPrior([1.0, 2.0, 2.0]), 3)
    # Dirichlet(1, 2, 2) at (0, a, b) is 4! a b.
    found = flat_there.log_density(weights, ALL, means, MEANS, UNIT)
    assert found == pytest.approx(np.log(24 * 0.24))


def test_both_together_add():
    normal, dirichlet = NormalPrior(1.0, 2.0), DirichletPrior([2.0, 3.0])
    weights, means, two = np.array([0.3, 0.7]), np.array([[0.5], [4.0]]), ALL[:2]
    parts = [Prior.parse(p, 2).log_density(weights, two, means, two[:, None], UNIT)
             for p in (normal, dirichlet, [dirichlet, normal], (normal,), None, [])]
    assert parts[2] == pytest.approx(parts[0] + parts[1])
    assert parts[3] == parts[0] and parts[4] == parts[5] == 0.0


def test_flat_priors_are_known_to_be():
    assert Prior.parse(None, 2).is_flat and Prior.parse(DirichletPrior(1.0), 2).is_flat
    assert not Prior.parse(NormalPrior(), 2).is_flat
    assert not Prior.parse(DirichletPrior([1.0, 1.1]), 2).is_flat
    assert Prior.parse(DirichletPrior(1.0), 2).describe() == []


@pytest.mark.parametrize("arguments", [
    (0.0, 0.0), (0.0, -1.0), (0.0, np.inf), (0.0, np.nan), (np.nan, 1.0), (np.inf, 1.0),
    ("a", 1.0), (0.0, None), (0.0, 1j),
])
def test_no_normal_prior(arguments):
    with pytest.raises(ParameterError, match="NormalPrior"):
        NormalPrior(*arguments)


@pytest.mark.parametrize("alpha", [0.5, 0.0, -1.0, np.nan, np.inf, [2.0, 0.9], "a", None,
                                   [[1.0], [1.0, 2.0]]])
def test_no_dirichlet_prior(alpha):
    with pytest.raises(ParameterError, match=r"DirichletPrior.*at least 1"):
        DirichletPrior(alpha)


@pytest.mark.parametrize("prior", [NormalPrior(1, 2.5), DirichletPrior((1.0, 2.0))])
def test_priors_are_values(prior):
    assert eval(repr(prior), {type(prior).__name__: type(prior)}) == prior
    with pytest.raises(AttributeError):
        setattr(prior, prior.__slots__[0], 3.0)


# Several columns


def test_the_normal_prior_is_one_for_each_column():
    means = np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]])
    learned = np.array([[True, True], [False, True], [False, False]])
    laid_out = NormalMeans.of(NormalPrior([0.0, 1.0], [2.0, 0.5]), 2)
    normal = stats.norm([0.0, 1.0], [2.0, 0.5]).logpdf(means)
    assert laid_out.log_density(means, learned) == pytest.approx(normal[learned].sum())
    # A number serves every column.
    alike = NormalMeans.of(NormalPrior(1.0, [2.0, 2.0]), 2)
    assert alike.log_density(means, learned) == pytest.approx(
        stats.norm(1.0, 2.0).logpdf(means)[learned].sum())
    prior = Prior.parse([NormalPrior([0.0, 1.0], [2.0, 0.5]), DirichletPrior(2.0)], 3, 2)
    found = prior.log_density(np.array([0.2, 0.3, 0.5]), ALL, means, learned, UNIT)
    dirichlet = stats.dirichlet([2.0, 2.0, 2.0]).logpdf([0.2, 0.3, 0.5])
    assert found == pytest.approx(normal[learned].sum() + dirichlet)


def test_in_other_units_it_is_the_same_prior():
    units = Units(np.array([3.0, -1.0]), np.array([4.0, 0.5]))
    means = np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 4.0]])
    learned = np.ones((3, 2), dtype=bool)
    outside = NormalMeans.of(NormalPrior([0.0, 1.0], [2.0, 0.5]), 2)
    inside = outside.inward(units)
    assert inside.log_density(units.inward(means), learned) == pytest.approx(
        outside.log_density(means, learned) - 3 * units.log_jacobian)


@pytest.mark.parametrize("prior", [
    NormalPrior([0.0, 1.0], 1.0), NormalPrior(0.0, [1.0, 1.0]), NormalPrior([0.0, 1.0], [2.0, 3.0]),
    NormalPrior([], 1.0), NormalPrior([[0.0, 1.0, 2.0]], 1.0),
])
def test_a_list_has_a_number_for_each_column(prior):
    with pytest.raises(ParameterError, match="NormalPrior"):
        Prior.parse(prior, 2, 3)


@pytest.mark.parametrize("arguments", [
    ([0.0, np.nan], 1.0), (0.0, [1.0, 0.0]), (0.0, [1.0, -1.0]), ([0.0, "a"], 1.0),
    ([0.0, 1.0], [1.0, np.inf]), ([[0.0], [1.0, 2.0]], 1.0),
])
def test_no_normal_prior_in_several_columns(arguments):
    with pytest.raises(ParameterError, match="NormalPrior"):
        NormalPrior(*arguments)
