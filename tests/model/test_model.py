"""What is learned and what is held, and every combination that makes no sense."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

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
    assert m.held.learned_covariances.tolist() == [True, True, False]
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
    normal = inside.prior.means
    assert (normal.mean.tolist(), normal.sd.tolist()) == ([8.0], [16.0])
    assert inside.floor == FLOOR
    mixture = Mixture.univariate([0.25, 0.75], [1.0, 4.0], [1.0, 0.5])
    # A density per unit of one learned mean: inside it is smaller by the scale.
    assert inside.log_prior(mixture.inward(units)) == pytest.approx(
        m.log_prior(mixture) - np.log(8.0)
    )


def test_held_parameters_have_no_prior():
    normal = NormalPrior(0.0, 2.0)
    mixture = Mixture.univariate([0.25, 0.75], [1.0, 4.0], [1.0, 0.5])
    half = model(2, means=[1.0, NAN], prior=normal).log_prior(mixture)
    assert half == pytest.approx(norm(0.0, 2.0).logpdf(4.0))
    assert model(2, means=0.0, prior=normal).log_prior(mixture) == 0.0
    assert model(2, weights="equal", prior=DirichletPrior(3.0)).log_prior(mixture) == 0.0
    assert model(2, prior=DirichletPrior(1.0)).log_prior(mixture) == 0.0


def test_a_prior_on_what_is_held_changes_nothing():
    x = np.random.default_rng(0).normal(size=50)
    plain = emix.fit(x, 2, weights="equal", n_starts=3)
    held = emix.fit(x, 2, weights="equal", n_starts=3, prior=DirichletPrior(9.0))
    assert held.mixture == plain.mixture and held.objective == plain.objective


# Several columns


def table(k: int, d: int = 2, **arguments) -> Model:
    return Model.parse(k, d, **arguments)


@pytest.mark.parametrize(("k", "d", "arguments", "df"), [
    (1, 3, {}, 3 + 6),
    (3, 2, {}, 2 + 6 + 9),
    (3, 2, {"covariance": "tied"}, 2 + 6 + 3),
    (3, 2, {"covariance": "diag"}, 2 + 6 + 6),
    (3, 2, {"covariance": "spherical"}, 2 + 6 + 3),
    (3, 3, {"covariance": "VEV"}, 2 + 9 + (3 + 2 + 9)),
    (3, 2, {"weights": "equal"}, 6 + 9),
    (3, 2, {"means": [[1.0, NAN], [NAN, NAN], NAN]}, 2 + 5 + 9),
    (3, 2, {"means": np.zeros((3, 2))}, 2 + 9),
    (3, 2, {"covariances": np.eye(2)}, 2 + 6),
    (3, 2, {"covariances": [np.eye(2), np.full((2, 2), NAN), np.eye(2)]}, 2 + 6 + 3),
    (3, 2, {"covariance": "VII", "sds": [NAN, 1.0, 1.0]}, 2 + 6 + 1),
    (2, 2, {"weights": "equal", "means": [[0, 0], [1, 1]], "covariances": np.eye(2)}, 0),
])
def test_degrees_of_freedom_in_several_columns(k, d, arguments, df):
    assert table(k, d, **arguments).n_parameters == df


@pytest.mark.parametrize(("k", "arguments", "wanted"), [
    (1, {}, "mixture of 1 normal component (VVV)"),
    (2, {"covariance": "VII"}, "mixture of 2 normal components (VII), spheres of own volume"),
    (2, {"covariance": "EEI"},
     "mixture of 2 normal components (EEI), along the axes, equal volume, equal shape"),
    (2, {"covariance": "VEV"},
     "mixture of 2 normal components (VEV), own volume, equal shape, own orientation"),
    (2, {"covariances": np.eye(2), "means": [[0, 0], [1, 1]]},
     "mixture of 2 normal components (VVV), own volume, own shape, own orientation, Σ held, "
     "μ held"),
    (2, {"covariances": [np.eye(2), np.full((2, 2), NAN)], "means": [[0, NAN], NAN]},
     "mixture of 2 normal components (VVV), own volume, own shape, own orientation, some Σ held, "
     "some μ held"),
    (1, {"prior": NormalPrior([1, 2], 5)},
     "mixture of 1 normal component (VVV), μ ~ N(1, 5²; 2, 5²)"),
    (1, {"prior": NormalPrior(1, [5, 5])}, "mixture of 1 normal component (VVV), μ ~ N(1, 5²)"),
    (1, {"prior": emix.ConjugatePrior(0.1, dof=5)},
     "mixture of 1 normal component (VVV), conjugate prior on μ and Σ (shrinkage 0.1, own dof)"),
])
def test_a_model_of_several_columns_in_words(k, arguments, wanted):
    assert table(k, **arguments).describe() == wanted


START = Mixture([0.1, 0.6, 0.3], [[1.0, 1.5], [2.0, 2.5], [3.0, 3.5]],
                [[[1.0, 0.3], [0.3, 2.0]], [[2.0, -0.5], [-0.5, 1.0]], [[3.0, 0.0], [0.0, 3.0]]])


def test_held_values_are_written_over_a_start_in_several_columns():
    a = np.array([[0.1, 0.02], [0.02, 0.3]])
    m = table(3, weights=[NAN, 0.4, NAN], means=[[NAN, 7.0], NAN, [5.0, 6.0]],
              covariances=[a, np.full((2, 2), NAN), np.full((2, 2), NAN)])
    found = m.conforming(START)
    np.testing.assert_allclose(found.weights, [0.15, 0.4, 0.45], rtol=1e-15)
    assert found.means.tolist() == [[1.0, 7.0], [2.0, 2.5], [5.0, 6.0]]
    np.testing.assert_array_equal(found.covariance.factors[0], np.linalg.cholesky(a))
    np.testing.assert_array_equal(found.covariances[1:], START.covariances[1:])
    assert table(3).conforming(START) == START


@pytest.mark.parametrize("name", emix.covariance.STRUCTURES)
def test_a_start_conforms_to_the_structure(name):
    """Covariances such as the letters allow, of the same size in all: its own M-step."""
    found = table(3, covariance=name).conforming(START)
    assert found.weights is START.weights and found.means is START.means
    sizes = np.linalg.det(found.covariances)
    assert name[0] == "V" or np.allclose(sizes, sizes[0], rtol=1e-9)
    if name[2] == "I":
        assert (found.covariances[:, 0, 1] == 0).all()
    # Σ_k Φ_k tr Σ'_k⁻¹ Σ_k = d, as at the maximum in the volume.
    traces = [np.trace(np.linalg.solve(new, old))
              for new, old in zip(found.covariances, START.covariances, strict=True)]
    assert START.weights @ traces == pytest.approx(2, rel=1e-9)
    again = table(3, covariance=name).conforming(found)
    np.testing.assert_allclose(again.covariances, found.covariances, rtol=1e-7, atol=1e-12)


def test_reordered_and_in_other_units_several_columns_are_the_same_model():
    a = np.array([[0.1, 0.02], [0.02, 0.3]])
    m = table(2, means=[[1.0, NAN], NAN], covariances=[np.full((2, 2), NAN), a],
              weights=[0.25, NAN], prior=[NormalPrior([3.0, 4.0], [2.0, 1.0]),
                                          DirichletPrior([1.0, 4.0])])
    other = m.reordered(np.array([1, 0]))
    np.testing.assert_array_equal(other.held.means, [[NAN, NAN], [1.0, NAN]])
    np.testing.assert_array_equal(other.held.weights, [NAN, 0.25])
    assert other.held.learned_covariances.tolist() == [False, True]
    np.testing.assert_allclose(other.held.covariances.dense()[0], a, rtol=1e-14)
    assert other.prior.concentration.tolist() == [4.0, 1.0]
    units = Units(np.array([2.0, -1.0]), np.array([8.0, 0.5]))
    inside = m.inward(units, FLOOR)
    np.testing.assert_array_equal(inside.held.means, [[-8.0, NAN], [NAN, NAN]])
    np.testing.assert_allclose(inside.held.covariances.dense()[1],
                               a * np.multiply.outer(units.scale, units.scale), rtol=1e-14)
    mixture = m.conforming(Mixture.trusted(np.array([0.3, 0.7]), START.means[:2].copy(),
                                           START.covariance.reordered(np.array([0, 1]))))
    # A density per unit of three learned means: inside it is smaller by their scales.
    assert inside.log_prior(mixture.inward(units)) == pytest.approx(
        m.log_prior(mixture) - np.log(0.5) - np.log(8.0) - np.log(0.5))


def test_held_parameters_of_several_columns_have_no_prior():
    normal = NormalPrior([0.0, 1.0], [2.0, 3.0])
    mixture = START
    part = table(3, means=[[1.0, NAN], NAN, [1.0, 2.0]], prior=normal).log_prior(mixture)
    wanted = norm(1.0, 3.0).logpdf([1.5, 2.5]).sum() + norm(0.0, 2.0).logpdf(2.0)
    assert part == pytest.approx(wanted)
    assert table(3, means=np.ones((3, 2)), prior=normal).log_prior(mixture) == 0.0


@pytest.mark.parametrize(("arguments", "words"), [
    ({"covariance": "E"}, "covariance='E' is not a structure; for 2 columns"),
    ({"prior": NormalPrior([1, 2, 3], 1)}, "NormalPrior mean"),
    ({"prior": NormalPrior(0, [1, 2, 3])}, "NormalPrior sd"),
    ({"prior": "conjugal"}, "prior='conjugal'"),
    ({"means": [1.0, 2.0]}, r"means has shape \(2,\)"),
    ({"covariance": "tied", "covariances": [np.eye(2), 2 * np.eye(2)]}, "one matrix for all"),
    ({"sds": 1.0}, "covariance='spherical'"),
])
def test_what_cannot_be_in_several_columns(arguments, words):
    with pytest.raises(ParameterError, match=words):
        table(2, **arguments)


def test_a_model_of_which_all_is_learned_is_made_once():
    assert Model.parse(1, 1) is Model.parse(np.int64(1), 1)
    assert Model.parse(1, 1, "E") is not Model.parse(1, 1)
    assert Model.parse(1, 1, sds=2.0) is not Model.parse(1, 1)
    # True is 1 to a dictionary, but no number of components.
    with pytest.raises(ParameterError, match="k=True"):
        Model.parse(True, 1)
