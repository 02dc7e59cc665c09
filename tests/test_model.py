"""What is learned and what is held, and every combination that makes no sense."""

from __future__ import annotations

import numpy as np
import pytest

import emix
from emix import DirichletPrior, Mixture, NormalPrior, ParameterError
from emix.arrays import Units
from emix.model import FLOOR, Model

NAN = np.nan


def model(k: int, **arguments) -> Model:
    return Model.parse(k, 1, **arguments)


@pytest.mark.parametrize(("k", "arguments", "df"), [
    (1, {}, 2),
    (3, {}, 8),
    (3, {"covariance": "E"}, 6),
    (3, {"weights": "equal"}, 6),
    (3, {"weights": [0.2, NAN, NAN]}, 7),
    # The last weight follows from the others.
    (3, {"weights": [0.2, 0.3, NAN]}, 6),
    (3, {"weights": [0.2, 0.3, 0.5]}, 6),
    (3, {"means": [0.0, NAN, NAN]}, 7),
    (3, {"means": 0.0}, 5),
    (3, {"sds": 1.0}, 5),
    (3, {"sds": [1.0, NAN, 2.0]}, 6),
    (3, {"sds": 1.0, "covariance": "E"}, 5),
    (3, {"sds": NAN}, 8),
    (3, {"covariances": [[[1.0]], [[NAN]], [[4.0]]]}, 6),
    (3, {"weights": "equal", "means": 0.0, "sds": 1.0}, 0),
    (3, {"prior": [NormalPrior(), DirichletPrior()]}, 8),
])
def test_degrees_of_freedom_are_what_is_learned(k, arguments, df):
    assert model(k, **arguments).n_parameters == df


def test_nan_is_learned_and_numbers_are_held():
    m = model(3, weights=[NAN, 0.3, NAN], means=[1, NAN, 2], sds=[NAN, NAN, 0.5])
    assert m.held.learned_weights.tolist() == [True, False, True]
    assert m.held.learned_means[:, 0].tolist() == [False, True, False]
    assert m.held.learned_sds.tolist() == [True, True, False]
    assert not m.held.is_nothing and model(3).held.is_nothing
    # NaN for all is to hold nothing.
    nothing = model(2, weights=[NAN, NAN], means=NAN, sds=[NAN, NAN])
    assert nothing.held.is_nothing and nothing.describe() == model(2).describe()


@pytest.mark.parametrize("value", [4.0, [4.0, 4.0], [[4.0], [4.0]], np.full((2, 1, 1), 4.0),
                                   np.array(4)])
def test_covariances_are_held_as_variances(value):
    assert model(2, covariances=value).held.sds.tolist() == [2.0, 2.0]
    assert model(2, sds=value).held.sds.tolist() == [4.0, 4.0]


def test_equal_weights_are_one_kth():
    for k in (1, 3, 7):
        assert model(k, weights="equal").held.weights.tolist() == [1 / k] * k


@pytest.mark.parametrize(("arguments", "words"), [
    ({"k": 0}, "k=0"), ({"k": -2}, "k=-2"), ({"k": 2.0}, "k=2.0"), ({"k": "2"}, "k='2'"),
    ({"k": True}, "k=True"), ({"k": None}, "k=None"),
    ({"covariance": "XYZ"}, "covariance='XYZ'"), ({"covariance": 3}, "covariance=3"),
    ({"covariance": ["V"]}, "covariance="),
    ({"weights": "same"}, "weights='same'"), ({"weights": 0.5}, "weights=0.5"),
    ({"weights": [0.5, 0.6]}, "held weights sum to 1.1"),
    ({"weights": [0.5, 0.4]}, "held weights sum to 0.9"),
    ({"weights": [1.0, NAN]}, "held weights sum to 1"),
    ({"weights": [-0.1, NAN]}, "weights holds -0.1"),
    ({"weights": [0.5, 0.3, 0.2]}, r"weights has shape \(3,\)"),
    ({"weights": [np.inf, NAN]}, "weights holds an infinite"),
    ({"weights": [[0.5], [0.5, 0.1]]}, "weights="),
    ({"means": [0, 1, 2]}, r"means has shape \(3,\)"), ({"means": "low"}, "means='low'"),
    ({"means": [0, -np.inf]}, "means holds an infinite value at component 1"),
    ({"means": np.zeros((2, 2))}, r"means has shape \(2, 2\)"),
    ({"sds": [1, 0]}, r"sds\[1\] is held at 0"), ({"sds": -1}, r"sds\[0\] is held at -1"),
    ({"sds": {}}, "sds="), ({"sds": np.inf}, "sds holds an infinite"),
    ({"covariances": [1, -4]}, r"covariances\[1\] is held at -4"),
    ({"covariances": "abc"}, "covariances='abc'"),
    ({"covariances": np.ones((2, 2, 2))}, r"covariances has shape \(2, 2, 2\)"),
    ({"sds": 1, "covariances": 1}, "sds and covariances"),
    ({"covariance": "E", "sds": [1, NAN]}, "covariance='E'.*sds holds only some"),
    ({"covariance": "E", "sds": [1, 2]}, r"covariance='E'.*sds holds \[1.0, 2.0\]"),
    ({"prior": 3}, "prior=3"), ({"prior": [NormalPrior(), NormalPrior(1, 2)]}, "at most one"),
    ({"prior": [DirichletPrior(), DirichletPrior()]}, "at most one"),
    ({"prior": ["NormalPrior"]}, "prior="),
    ({"prior": DirichletPrior([1, 2, 3])}, "DirichletPrior concentration"),
])
def test_what_cannot_be_is_a_parameter_error_that_names_the_argument(arguments, words):
    with pytest.raises(ParameterError, match=words):
        model(**{"k": 2, **arguments})


def test_one_column_at_a_time():
    with pytest.raises(ParameterError, match="2 columns"):
        Model.parse(2, 2)


@pytest.mark.parametrize(("k", "arguments", "wanted"), [
    (1, {}, "mixture of 1 normal component (V)"),
    (2, {}, "mixture of 2 normal components (V), each its own standard deviation"),
    (2, {"covariance": "tied"},
     "mixture of 2 normal components (E), one standard deviation for all"),
    (2, {"sds": 1.0}, "mixture of 2 normal components (V), σ held at 1"),
    (2, {"weights": "equal", "means": [0.5, NAN]},
     "mixture of 2 normal components (V), each its own standard deviation, "
     "μ held at (0.5, learned), Φ held at 1/k"),
    (2, {"weights": [0.25, 0.75]},
     "mixture of 2 normal components (V), each its own standard deviation, "
     "Φ held at (0.25, 0.75)"),
    (2, {"prior": [NormalPrior(1, 5), DirichletPrior([1, 2.5])]},
     "mixture of 2 normal components (V), each its own standard deviation, μ ~ N(1, 5²), "
     "Φ ~ Dirichlet(1, 2.5)"),
])
def test_a_model_is_described_in_words(k, arguments, wanted):
    assert model(k, **arguments).describe() == wanted


def test_held_values_are_written_over_a_start_and_the_rest_of_the_weights_shared():
    m = model(3, weights=[NAN, 0.4, NAN], means=[NAN, NAN, 7.0], sds=[0.1, NAN, NAN])
    start = Mixture.univariate([0.1, 0.6, 0.3], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    found = m.held.imposed_on(start)
    np.testing.assert_allclose(found.weights, [0.15, 0.4, 0.45], rtol=1e-15)
    assert found.weights[1] == 0.4
    assert found.means[:, 0].tolist() == [1.0, 2.0, 7.0]
    assert found.sds.tolist() == [0.1, 2.0, 3.0]
    assert model(3).held.imposed_on(start) is start
    # Learned weights of which nothing is left share evenly.
    empty = Mixture.univariate([0.0, 1.0, 0.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(m.held.imposed_on(empty).weights, [0.3, 0.4, 0.3], rtol=1e-15)


def test_reordered_and_in_other_units_it_is_the_same_model():
    m = model(2, means=[1.0, NAN], sds=[NAN, 0.5], weights=[0.25, NAN],
              prior=[NormalPrior(3.0, 2.0), DirichletPrior([1.0, 4.0])])
    other = m.reordered(np.array([1, 0]))
    np.testing.assert_array_equal(other.held.means[:, 0], [NAN, 1.0])
    np.testing.assert_array_equal(other.held.sds, [0.5, NAN])
    np.testing.assert_array_equal(other.held.weights, [NAN, 0.25])
    assert other.prior.concentration.tolist() == [4.0, 1.0]
    units = Units(np.array([2.0]), np.array([8.0]))
    inside = m.inward(units, FLOOR)
    np.testing.assert_array_equal(inside.held.means[:, 0], [-8.0, NAN])
    np.testing.assert_array_equal(inside.held.sds, [NAN, 4.0])
    np.testing.assert_array_equal(inside.held.weights, [0.25, NAN])
    assert inside.prior.means == NormalPrior(8.0, 16.0) and inside.floor == FLOOR
    mixture = Mixture.univariate([0.25, 0.75], [1.0, 4.0], [1.0, 0.5])
    # A density per unit of one learned mean: inside it is smaller by the scale.
    assert inside.log_prior(mixture.inward(units)) == pytest.approx(
        m.log_prior(mixture) - np.log(8.0)
    )


def test_held_parameters_have_no_prior():
    normal = NormalPrior(0.0, 2.0)
    mixture = Mixture.univariate([0.25, 0.75], [1.0, 4.0], [1.0, 0.5])
    half = model(2, means=[1.0, NAN], prior=normal).log_prior(mixture)
    assert half == pytest.approx(normal.log_density(np.array([4.0])))
    assert model(2, means=0.0, prior=normal).log_prior(mixture) == 0.0
    assert model(2, weights="equal", prior=DirichletPrior(3.0)).log_prior(mixture) == 0.0
    assert model(2, prior=DirichletPrior(1.0)).log_prior(mixture) == 0.0


def test_a_prior_on_what_is_held_changes_nothing():
    x = np.random.default_rng(0).normal(size=50)
    plain = emix.fit(x, 2, weights="equal", n_starts=3)
    held = emix.fit(x, 2, weights="equal", n_starts=3, prior=DirichletPrior(9.0))
    assert held.mixture == plain.mixture and held.objective == plain.objective
