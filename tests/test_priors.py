"""Priors: their densities, and what makes none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from emix import DirichletPrior, NormalPrior, ParameterError
from emix.priors import Prior

ALL = np.array([True, True, True])
MEANS = ALL[:, None]


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (-3.0, 0.01), (1e6, 1e-3)])
def test_the_normal_prior_has_the_normal_density(mean, sd):
    means = mean + sd * np.array([0.0, 0.5, -3.0])
    wanted = stats.norm(mean, sd).logpdf(means).sum()
    assert NormalPrior(mean, sd).log_density(means) == pytest.approx(wanted, rel=1e-8)
    assert NormalPrior(mean, sd).log_density(means[:0]) == 0.0


@pytest.mark.parametrize("alpha", [2.0, [1.5, 2.0, 7.0], (1.0, 1.0, 3.0)])
def test_the_dirichlet_prior_has_the_dirichlet_density(alpha):
    prior, weights = Prior.parse(DirichletPrior(alpha), 3), np.array([0.2, 0.3, 0.5])
    wanted = stats.dirichlet(np.broadcast_to(alpha, 3)).logpdf(weights)
    assert prior.log_density(weights, ALL, np.zeros((3, 1)), MEANS) == pytest.approx(wanted)


def test_where_weights_are_held_it_is_on_what_the_others_share():
    prior = Prior.parse(DirichletPrior([2.0, 5.0, 3.0]), 3)
    learned = np.array([True, False, True])
    found = prior.log_density(np.array([0.1, 0.6, 0.3]), learned, np.zeros((3, 1)), MEANS)
    assert found == pytest.approx(stats.dirichlet([2.0, 3.0]).logpdf([0.25, 0.75]))


def test_a_weight_of_zero_is_impossible_only_where_the_prior_says_so():
    weights = np.array([0.0, 0.4, 0.6])
    means = np.zeros((3, 1))
    assert Prior.parse(DirichletPrior(2.0), 3).log_density(weights, ALL, means, MEANS) == -np.inf
    flat_there = Prior.parse(DirichletPrior([1.0, 2.0, 2.0]), 3)
    # Dirichlet(1, 2, 2) at (0, a, b) is 4! a b.
    assert flat_there.log_density(weights, ALL, means, MEANS) == pytest.approx(np.log(24 * 0.24))


def test_both_together_add():
    normal, dirichlet = NormalPrior(1.0, 2.0), DirichletPrior([2.0, 3.0])
    weights, means, two = np.array([0.3, 0.7]), np.array([[0.5], [4.0]]), ALL[:2]
    parts = [Prior.parse(p, 2).log_density(weights, two, means, two[:, None])
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
    ("a", 1.0), (0.0, None), ([0.0], 1.0), (0.0, 1j),
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
