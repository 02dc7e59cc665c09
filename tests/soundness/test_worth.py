"""What components in several columns are worth: by hand, and what fails or passes by it."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import emix
from emix import Mixture
from emix.arrays import Units
from emix.climbing.climb import Stop, climb
from emix.covariance import STRUCTURES
from emix.initialise import Table
from emix.model import FLOOR, Model
from emix.searching.judging import least_worth_on, worths_on
from emix.soundness.degenerate import left_out_gains
from emix.soundness.left_out import left_out_gains_of_rows
from emix.soundness.worth import (
    is_judged,
    least_worths,
    on_floor_of_rows,
    own_parameters,
    worths_of_rows,
)
from emix.sources.array import ArraySource

NAN = np.nan
AS_GIVEN = Units.identity(2)
JUDGED = [name for name in STRUCTURES if name not in ("EII", "EEI", "EEE")]
RNG = np.random.default_rng(3)
X = np.concatenate([
    RNG.normal(size=(20, 2)) @ [[0.6, 0.2], [0.0, 0.4]] - 1.5,
    RNG.normal(size=(25, 2)) @ [[1.0, -0.5], [0.0, 0.6]] + [1.5, 0.5],
    RNG.normal(size=(15, 2)) * [0.5, 1.0] + [0.0, 3.0],
])
START = Mixture([0.3, 0.45, 0.25], [[-1.5, -1.5], [1.5, 0.5], [0.0, 3.0]], [np.eye(2) * 0.5] * 3)


def at_the_summit(x, start: Mixture, name: str, weight=None, **arguments) -> tuple[Mixture, Model]:
    k, d = start.n_components, start.n_features
    model = replace(Model.parse(k, d, name, **arguments), floor=FLOOR)
    source = ArraySource.of(x, weight)
    first = model.conforming(start)
    found = climb(source, first, model, Units.identity(d), Stop(1e-12, 20_000))
    return found.mixture, model


def refitted(name: str, sigma: np.ndarray, scatter: np.ndarray, n: float) -> np.ndarray:
    """The covariance of one component for another scatter, what it shares with others left as it
    is: shape, orientation or, where it has neither of its own, all of it."""
    d, roots = len(sigma), np.linalg.cholesky(sigma)
    if name[1] == "V" and name[2] == "V":
        return scatter / n
    if name[1] == "V":
        # Along its axes, which stay.
        axes = np.eye(d) if name[2] == "I" else np.linalg.eigh(sigma)[1]
        return axes @ np.diag(np.diag(axes.T @ scatter @ axes) / n) @ axes.T
    if name[0] == "V":
        inner = np.linalg.solve(roots, np.linalg.solve(roots, scatter).T)
        return sigma * np.trace(inner) / (d * n)
    return sigma


def by_hand(x, mixture: Mixture, model: Model) -> np.ndarray:
    """Each point left out in turn, every sum over the others taken anew: (k,)."""
    w, mu, sigmas, k = mixture.weights, mixture.means, mixture.covariances, mixture.n_components
    name, held = model.structure.name, model.held
    joint = np.stack([w[j] * stats.multivariate_normal(mu[j], sigmas[j]).pdf(x)
                      for j in range(k)], axis=1)
    r = joint / joint.sum(axis=1, keepdims=True)
    gains = np.zeros(k)
    for i in range(len(x)):
        rest = np.arange(len(x)) != i
        for j in range(k):
            n_rest, share, mean = r[rest, j].sum(), w[j], mu[j]
            if held.learned_weights[j]:
                share = n_rest / rest.sum()
            if held.learned_means[j].all():
                mean = r[rest, j] @ x[rest] / n_rest
            away = x[rest] - mean
            scatter = (away * r[rest, j, None]).T @ away
            if name[0] == "E":
                # A common volume is not that of its own scatter: n_k Σ stands for that.
                full = (x - mu[j])
                own = (full * r[:, j, None]).T @ full
                scatter = scatter - own + r[:, j].sum() * sigmas[j]
            spread = refitted(name, sigmas[j], scatter, n_rest)
            without = np.delete(joint[i], j).sum() / (1 - w[j])
            inside = share * stats.multivariate_normal(mean, spread).pdf(x[i])
            gains[j] += np.log(inside + (1 - share) * without) - np.log(without)
    return gains


@pytest.mark.parametrize("name", JUDGED)
@pytest.mark.parametrize("arguments", [{}, {"weights": "equal"}, {"weights": [0.3, NAN, NAN]}])
def test_gains_are_those_of_leaving_points_out_by_hand(name, arguments):
    mixture, model = at_the_summit(X, START, name, **arguments)
    found = left_out_gains_of_rows(X, np.ones(len(X)), mixture, model)
    np.testing.assert_allclose(found, by_hand(X, mixture, model), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["VVV", "VVI", "VII", "VEE"])
def test_a_mean_that_is_held_stays_where_it_is(name):
    held = [[-1.2, -1.4], NAN, NAN]
    mixture, model = at_the_summit(X, START, name, means=held)
    found = left_out_gains_of_rows(X, np.ones(len(X)), mixture, model)
    np.testing.assert_allclose(found, by_hand(X, mixture, model), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["VVV", "VVI", "VII", "VEV"])
def test_a_weight_is_repetition_of_which_one_is_left_out(name):
    times = np.random.default_rng(0).integers(0, 4, len(X))
    mixture, model = at_the_summit(X, START, name, weight=times)
    some = times > 0
    found = left_out_gains_of_rows(X[some], times[some].astype(float), mixture, model)
    repeated = X.repeat(times, axis=0)
    wanted = left_out_gains_of_rows(repeated, np.ones(len(repeated)), mixture, model)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    np.testing.assert_allclose(found, by_hand(repeated, mixture, model), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("arguments", [{}, {"means": [NAN, 0.4, NAN]}, {"weights": "equal"}])
def test_in_one_column_they_are_those_of_one_column(arguments):
    x = X[:, 0]
    start = Mixture.univariate([0.4, 0.3, 0.3], [-1.5, 0.4, 1.5], [0.5, 0.8, 0.6])
    model = replace(Model.parse(3, 1, **arguments), floor=FLOOR)
    mixture = climb(ArraySource.of(x), model.conforming(start), model, Units.identity(1),
                    Stop(1e-11, 20_000)).mixture
    weight = np.random.default_rng(0).integers(1, 4, len(x)).astype(float)
    for w in (np.ones(len(x)), weight):
        np.testing.assert_allclose(left_out_gains_of_rows(x[:, None], w, mixture, model),
                                   left_out_gains(x, w, mixture, model), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["VVV", "EVI", "VEV"])
def test_gains_of_parts_add_given_the_counts_of_all(name):
    mixture, model = at_the_summit(X, START, name)
    one, counts = np.ones(len(X)), mixture.responsibilities(X).sum(axis=0)
    whole = left_out_gains_of_rows(X, one, mixture, model)
    parts = sum(
        left_out_gains_of_rows(X[rows], one[rows], mixture, model, counts, float(len(X)))
        for rows in (slice(0, 7), slice(7, 30), slice(30, None)))
    np.testing.assert_allclose(parts, whole, rtol=1e-10)


@pytest.mark.parametrize("name", JUDGED)
@pytest.mark.parametrize("weighted", [False, True])
def test_judged_on_a_source_and_on_its_table_alike(name, weighted):
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float) if weighted else None
    mixture, model = at_the_summit(X, START, name, weight=weight)
    source = ArraySource.of(X, weight)
    table = Table.of(source.block, AS_GIVEN)
    wanted = worths_of_rows(table, mixture, model)
    np.testing.assert_allclose(worths_on(source, AS_GIVEN, mixture, model, table), wanted,
                               rtol=1e-7, atol=1e-7)
    [least] = least_worths(table, [mixture], model)
    assert least == pytest.approx(wanted.min(), rel=1e-7)
    found = least_worth_on(source, AS_GIVEN, mixture, model, table)
    assert found == pytest.approx(wanted.min(), rel=1e-7)


@pytest.mark.parametrize("name", JUDGED)
def test_least_worths_are_the_least_of_each(name):
    """Many mixtures together, those on the floor among them."""
    table = Table.of(ArraySource.of(X).block, AS_GIVEN)
    mixture, model = at_the_summit(X, START, name)
    narrow = model.conforming(Mixture.trusted(
        mixture.weights, mixture.means, mixture.covariance.rescaled(np.full(2, 1e-15))))
    others = [model.conforming(Mixture.trusted(
        mixture.weights, X[rows].copy(), mixture.covariance)) for rows in ([0, 20, 45], [1, 2, 3])]
    several = [mixture, narrow, *others]
    found = least_worths(table, several, model)
    assert found[1] == -np.inf and on_floor_of_rows(narrow, model).all()
    for one, worth in zip(several, found, strict=True):
        if one is not narrow:
            assert worth == pytest.approx(worths_of_rows(table, one, model).min(), rel=1e-7)


def test_parameters_of_its_own():
    """Mean, and what of the covariance is not shared."""
    wanted = {"EII": 3, "VII": 4, "EEI": 3, "VEI": 4, "EVI": 5, "VVI": 6, "EEE": 3, "VEE": 4,
              "EVE": 5, "VVE": 6, "EEV": 6, "VEV": 7, "EVV": 8, "VVV": 9}
    assert {name: own_parameters(rule, 3) for name, rule in STRUCTURES.items()} == wanted


# What is judged


@pytest.mark.parametrize("arguments", [
    {"covariance": "EII"}, {"covariance": "EEI"}, {"covariance": "EEE"},
    {"covariances": np.eye(2)}, {"prior": "conjugate"},
])
def test_bounded_likelihoods_are_not_judged(arguments):
    model = Model.parse(2, 2, **arguments).informed(np.zeros(2), np.eye(2), 60.0)
    assert not is_judged(model)
    assert not is_judged(Model.parse(1, 2))
    table = Table.of(ArraySource.of(X).block, AS_GIVEN)
    mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]], [np.eye(2) * 1e-9, np.eye(2)])
    assert np.isposinf(worths_of_rows(table, mixture, model)).all()
    assert np.isposinf(least_worths(table, [mixture], model)).all()


def test_held_covariances_are_not_judged_beside_learned_ones():
    model = replace(Model.parse(2, 2, covariances=[np.eye(2) * 1e-18, np.full((2, 2), NAN)]),
                    floor=FLOOR)
    assert is_judged(model)
    table = Table.of(ArraySource.of(X).block, AS_GIVEN)
    mixture = model.conforming(Mixture([0.5, 0.5], X[[0, 30]], [np.eye(2), np.cov(X.T)]))
    worth = worths_of_rows(table, mixture, model)
    assert worth[0] == np.inf and np.isfinite(worth[1])
    assert not on_floor_of_rows(mixture, model).any()


BULK = np.random.default_rng(11).normal(size=(120, 2))


def judged(group, name: str, scale: float = 1.0) -> tuple[emix.Fit, int]:
    """A fit of a bulk and a small group, begun with a component on the group, and which that is."""
    group = np.asarray(group, dtype=float)
    x = np.concatenate([BULK, group]) * scale
    share, spread = len(group) / len(x), np.cov(group.T) if len(group) > 2 else np.eye(2) * 1e-6
    start = Mixture([share, 1 - share], [group.mean(axis=0) * scale, [0.0, 0.0]],
                    [(spread + 1e-9 * np.eye(2)) * scale**2, np.eye(2) * scale**2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fit = emix.fit(x, 2, covariance=name, start=start)
    return fit, int(fit.mixture.weights.argmin())


CLOUD = np.random.default_rng(2).normal(size=(25, 2))


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e9])
@pytest.mark.parametrize("name", ["VII", "VVI", "VVV", "VEE", "EVV"])
@pytest.mark.parametrize(("group", "sound"), [
    # Two rows, and as many rows as columns, in a place of their own or among the others.
    ([[0.7, 0.7], [0.7001, 0.7]], False),
    ([[9.0, 9.0], [9.0001, 9.0002]], False),
    # A row that is there many times.
    ([[0.7, 0.7]] * 20, False),
    # A cloud of many, narrow or not, that stands apart.
    (9 + 0.3 * CLOUD, True),
    (9 + 1e-4 * CLOUD, True),
])
def test_what_is_degenerate(name, group, sound, scale):
    fit, narrow = judged(group, name, scale)
    if name == "EVV" and not sound:
        # A common volume cannot follow the group: it may as well have left.
        assert not fit.degenerate or narrow in [d.component for d in fit.degenerate]
        return
    assert [d.component for d in fit.degenerate] == ([] if sound else [narrow])


def test_a_reason_is_said_in_words():
    for group in ([[0.7, 0.7], [0.7001, 0.7]], [[0.7, 0.7]] * 20):
        fit, narrow = judged(group, "VVV")
        [found] = fit.degenerate
        assert "expected points" in found.reason
        assert any(f"component {narrow + 1} is degenerate" in note for note in fit.warnings)


def test_common_spreads_are_never_degenerate():
    for name in ("EII", "EEI", "EEE"):
        fit, _ = judged([[0.7, 0.7], [0.7001, 0.7]], name)
        assert fit.degenerate == ()


def test_on_a_line_is_degenerate_in_a_plane():
    """Points exactly on a line have no covariance; as spheres they have a variance."""
    line = np.column_stack([np.linspace(5, 7, 12), np.full(12, 3.0)])
    full, narrow = judged(line, "VVV")
    assert [d.component for d in full.degenerate] == [narrow]
    spheres, _ = judged(line, "VII")
    assert spheres.degenerate == () and spheres.converged
