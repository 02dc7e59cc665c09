"""Degenerate components: the gain on left-out points by hand, and what fails or passes by it."""

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
from emix.initialise import SortedColumn
from emix.model import FLOOR, Model
from emix.searching.judging import least_worth_on, worths_on
from emix.soundness.degenerate import (
    LEAST_WORTH,
    degenerate_components,
    least_worth,
    left_out_gains,
    on_floor,
    worths,
)
from emix.sources.array import ArraySource

NAN = np.nan
AS_GIVEN = Units(np.zeros(1), np.ones(1))


def by_hand(x: np.ndarray, mixture: Mixture, model: Model) -> np.ndarray:
    """Each point left out in turn, every sum over the others taken anew: (k,)."""
    w, mu, sd = mixture.weights, mixture.means[:, 0], mixture.sds
    joint = w * stats.norm(mu, sd).pdf(x[:, None])
    r = joint / joint.sum(axis=1, keepdims=True)
    gains = np.zeros(len(w))
    for i in range(len(x)):
        rest = np.arange(len(x)) != i
        for j in range(len(w)):
            share, mean, spread = w[j], mu[j], sd[j]
            n_rest = r[rest, j].sum()
            if model.held.learned_weights[j]:
                share = min(n_rest / rest.sum(), 1.0)
            if model.held.learned_means[j, 0]:
                mean = r[rest, j] @ x[rest] / n_rest
            if model.held.learned_covariances[j]:
                spread = np.sqrt(r[rest, j] @ (x[rest] - mean) ** 2 / n_rest)
            others = np.delete(w, j) / (1 - w[j])
            without = others @ stats.norm(np.delete(mu, j), np.delete(sd, j)).pdf(x[i])
            with_it = share * stats.norm(mean, spread).pdf(x[i]) + (1 - share) * without
            gains[j] += np.log(with_it) - np.log(without)
    return gains


def at_the_summit(x, start: Mixture, weight=None, **arguments) -> tuple[Mixture, Model]:
    model = replace(Model.parse(start.n_components, 1, **arguments), floor=FLOOR)
    source = ArraySource.of(x, weight)
    first = model.held.imposed_on(start)
    return climb(source, first, model, AS_GIVEN, Stop(1e-13, 20_000)).mixture, model


X = np.random.default_rng(3).normal([-1.0, 1.5], [0.5, 1.0], (25, 2)).ravel()
START = Mixture.univariate([0.5, 0.3, 0.2], [-1.0, 0.5, 2.0], [0.5, 0.8, 0.6])
PAIR = Mixture.univariate([0.5, 0.5], [-1.0, 1.5], [0.5, 1.0])


@pytest.mark.parametrize("arguments", [
    {}, {"weights": "equal"}, {"weights": [0.3, NAN, NAN]}, {"sds": [NAN, 0.5, NAN]},
])
def test_gains_are_those_of_leaving_points_out_by_hand(arguments):
    mixture, model = at_the_summit(X, START, **arguments)
    found = left_out_gains(X, np.ones(len(X)), mixture, model)
    np.testing.assert_allclose(found, by_hand(X, mixture, model), rtol=1e-6, atol=1e-6)


def test_a_held_mean_stays_where_it_is_when_points_are_left_out():
    """Its spread is not about the mean of its points, so only the mean's own move is checked: the
    gain with the spread held as well."""
    held = {"weights": [NAN, 0.3, NAN], "means": [NAN, 0.4, NAN], "sds": [NAN, 0.5, NAN]}
    mixture, model = at_the_summit(X, START, **held)
    found = left_out_gains(X, np.ones(len(X)), mixture, model)
    np.testing.assert_allclose(found, by_hand(X, mixture, model), rtol=1e-6, atol=1e-6)


def test_a_weight_is_repetition_of_which_one_is_left_out():
    times = np.random.default_rng(0).integers(0, 4, len(X))
    mixture, model = at_the_summit(X, PAIR, weight=times)
    some = times > 0
    found = left_out_gains(X[some], times[some].astype(float), mixture, model)
    repeated = X.repeat(times)
    np.testing.assert_allclose(found, by_hand(repeated, mixture, model), rtol=1e-6, atol=1e-6)


def test_gains_of_parts_add_given_the_counts_of_all():
    mixture, model = at_the_summit(X, START)
    one = np.ones(len(X))
    counts = mixture.responsibilities(X).sum(axis=0)
    whole = left_out_gains(X, one, mixture, model)
    parts = sum(left_out_gains(X[rows], one[rows], mixture, model, counts, float(len(X)))
                for rows in (slice(0, 7), slice(7, 30), slice(30, None)))
    np.testing.assert_allclose(parts, whole, rtol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_judged_on_a_source_and_on_its_sorted_column_alike(weighted):
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float) if weighted else None
    mixture, model = at_the_summit(X, PAIR, weight=weight)
    source = ArraySource.of(X, weight)
    column = SortedColumn.of(source.block, AS_GIVEN)
    wanted = worths(column, mixture, model)
    found = worths_on(source, AS_GIVEN, mixture, model, column)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert least_worth(column, mixture, model) == wanted.min()
    least = least_worth_on(source, AS_GIVEN, mixture, model, column)
    assert least == pytest.approx(wanted.min(), rel=1e-9)
    # Less the nats that it takes to name the place of something narrow.
    gains = left_out_gains(column.points, column.weight, mixture, model)
    place = np.maximum(np.log(column.sd / mixture.sds), 0)
    np.testing.assert_allclose(wanted, gains - place, rtol=1e-12)


BULK = stats.norm.ppf((np.arange(98) + 0.5) / 98)


def judged(group, start_sd, bulk=BULK, **arguments) -> emix.Fit:
    """A fit of a standard normal bulk and a small group, begun with a component on the group."""
    group = np.asarray(group, dtype=float)
    x = np.concatenate([bulk, group])
    share = len(group) / len(x)
    start = Mixture.univariate([share, 1 - share], [group.mean(), 0.0],
                               [start_sd, bulk.std()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return emix.fit(x, 2, start=start, **arguments)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e9])
@pytest.mark.parametrize(("group", "start_sd", "sound"), [
    # Each of two is a surprise to the other alone, however near or far they are.
    ([0.7, 0.7001], 1e-4, False),
    ([3.0, 3.0001], 1e-4, False),
    ([0.7, 0.7001, 0.7003], 2e-4, False),
    # One value has no width, however many the ties.
    ([0.7] * 2, 1e-7, False),
    ([0.7] * 30, 1e-7, False),
    ([30.0], 1e-6, False),
    # Three that stand apart foretell each other.
    ([30.0, 30.4, 31.0], 0.5, True),
    ([-300.0, -300.3, -301.0, -300.2], 0.5, True),
    # A narrow group of many among the rest.
    (0.7 + BULK[::2] * 1e-3, 1e-3, True),
])
def test_what_is_degenerate(group, start_sd, sound, scale):
    fit = judged(np.asarray(group) * scale, start_sd * scale, BULK * scale)
    narrow = int(fit.mixture.sds.argmin())
    # The component did stay on its group, so that it is this which is judged.
    assert fit.mixture.sds[narrow] < 0.7 * scale
    assert [d.component for d in fit.degenerate] == ([] if sound else [narrow])


def test_a_reason_says_which_of_the_two_it_is():
    pair = judged([0.7, 0.7001], 1e-4).degenerate[0].reason
    ties = judged([0.7] * 5, 1e-7).degenerate[0].reason
    assert "expected points do not foretell each other" in pair and "nats" in pair
    assert "5 expected points are one value" in ties and "floor" in ties


@pytest.mark.parametrize("arguments", [
    {"covariance": "E"}, {"sds": 0.01}, {"sds": [0.0001, NAN]}, {"sds": [0.0001, 1.0]},
])
def test_common_and_held_spreads_are_never_degenerate(arguments):
    fit = judged([0.7, 0.7001], 1e-4, **arguments)
    assert fit.degenerate == () and not any("degenerate" in w for w in fit.warnings)
    mixture, model = at_the_summit(X, START, **(
        {**arguments, "sds": 0.5} if "sds" in arguments else arguments))
    assert np.isposinf(worths(SortedColumn.of(ArraySource.of(X).block, AS_GIVEN), mixture,
                              model)).all()


def test_a_single_component_is_never_degenerate():
    assert judged([0.7, 0.7001], 1e-4).k == 2
    for x in ([0.0, 1.0], [0.0, 0.0, 1e-9], BULK):
        assert emix.fit(x, 1).degenerate == ()


def test_a_place_costs_by_its_narrowness_and_wide_ones_nothing():
    """log(σ_data / σ) nats, and never a gift to a component wider than the data."""
    x = np.sort(np.concatenate([np.random.default_rng(7).normal(size=60), [-9.0, 8.0, 11.0]]))
    model = replace(Model.parse(2, 1), floor=FLOOR)
    mixture = Mixture.univariate([0.8, 0.2], [0.0, 2.0], [0.25, 30.0])
    column = SortedColumn.of(ArraySource.of(x).block, AS_GIVEN)
    gains = left_out_gains(column.points, column.weight, mixture, model)
    place = np.array([np.log(x.std() / 0.25), 0.0])
    np.testing.assert_allclose(worths(column, mixture, model), gains - place, rtol=1e-12)


def test_on_the_floor_and_below_the_least_worth_are_named_in_order():
    model = replace(Model.parse(4, 1, sds=[NAN, NAN, NAN, 1e-9]), floor=1e-6)
    mixture = Mixture.univariate([0.25] * 4, [0, 1, 2, 3], [1e-6, 0.5, 0.5, 1e-9])
    narrow = on_floor(mixture, model)
    assert narrow.tolist() == [True, False, False, False]
    worth = np.array([9.0, LEAST_WORTH - 0.5, LEAST_WORTH, -99.0])
    worth[3] = np.inf
    found = degenerate_components(narrow, worth, np.array([3.0, 2.0, 9.0, 4.0]))
    assert [d.component for d in found] == [0, 1]
    assert "3.5 nats" in found[1].reason


def test_many_points_are_not_judged_and_few_among_many_rows_are():
    """More rows than the search looks at: the verdict is on all of them."""
    bulk = stats.norm.ppf((np.arange(40_000) + 0.5) / 40_000)
    spike = judged([0.7, 0.7000001], 1e-7, bulk, tol=1e-6)
    assert [d.component for d in spike.degenerate] == [int(spike.mixture.sds.argmin())]
    # Its thousands of points are not asked.
    source = ArraySource.of(bulk)
    model = replace(Model.parse(2, 1), floor=FLOOR)
    ground = SortedColumn.of(source.block, AS_GIVEN)
    worth = worths_on(source, AS_GIVEN, spike.mixture, model, ground)
    assert np.isposinf(worth[spike.mixture.sds.argmax()]) and np.isfinite(worth.min())
    apart = judged(50 + np.array([0.0, 0.3, 0.8, 1.0]), 0.4, bulk, tol=1e-6)
    assert apart.degenerate == ()


def test_a_pair_about_a_held_mean_is_no_surprise_to_itself():
    """Leaving out one of two points as far from a held mean leaves σ where it was."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=98), [29.6, 30.4]])
    assert not emix.fit(x, 2, means=[0.0, 30.0]).degenerate
