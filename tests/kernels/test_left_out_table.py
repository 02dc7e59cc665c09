"""Gains on left-out points in several columns, against matrices written out and one column's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lenient import exp, logsumexp

from emix import Mixture
from emix.covariance import STRUCTURES, Dense
from emix.model import Model
from emix.soundness import degenerate as soundness

native = pytest.importorskip("emix.kernels._native", reason="native kernel not built")

FLOOR = 2.0**-44
LOG_2PI = np.log(2 * np.pi)
NAN = np.nan
every_structure = pytest.mark.parametrize("name", STRUCTURES)


def log_normal(x, mean, matrix):
    if np.linalg.eigvalsh(matrix)[0] <= 0:
        return -np.inf  # no width is left for another point
    away = x - mean
    distance = away @ np.linalg.solve(matrix, away)
    return -0.5 * (distance + np.linalg.slogdet(matrix)[1] + len(x) * LOG_2PI)


def without(name, matrix, away, count, r, left):
    """Σ of a component that has lost a point of responsibility r, as far as Σ is its own."""
    about = count / left
    if name[1] == "V" and name[2] == "V":
        return (count * matrix - r * about * np.outer(away, away)) / left
    if name[1] == "V":
        axes = np.eye(len(away)) if name[2] == "I" else np.linalg.eigh(matrix)[1]
        along = np.diag(axes.T @ matrix @ axes)
        shrunk = (count * along - r * about * (axes.T @ away) ** 2) / left
        return (axes * shrunk) @ axes.T
    if name[0] == "V":
        d, q = len(away), away @ np.linalg.solve(matrix, away)
        return matrix * (d * count - r * about * q) / (d * left)
    return matrix


def gains_written_out(name, x, w, weights, means, factors, held):
    k, total = len(weights), w.sum()
    matrices = factors @ np.swapaxes(factors, 1, 2)
    logs = np.array([[np.log(weights[j]) + log_normal(row, means[j], matrices[j])
                      for j in range(k)] for row in x])
    r = exp(logs - logsumexp(logs, axis=1)[:, None])
    counts, gains = w @ r, np.zeros(k)
    for j in range(k):
        for i, row in enumerate(x):
            out, away = r[i, j] * min(w[i], 1.0), row - means[j]
            left = counts[j] - out
            share = left / (total - 1) if np.isnan(held[j]) else weights[j]
            density = log_normal(row, means[j] - out * away / left,
                                 without(name, matrices[j], away, counts[j], out, left))
            others = logsumexp(np.delete(logs[i], j)) - np.log(1 - weights[j])
            together = np.logaddexp(np.log(share) + density, np.log(1 - share) + others)
            gains[j] += w[i] * (together - others)
    return gains


def gains(name, x, w, mixtures, held=None, threads=1, counts=None, total=0.0):
    weights, means, factors = mixtures
    held = np.full(weights.shape[1], NAN) if held is None else held
    return native.left_out_gains_table(x, w, name, weights, means, factors, held, FLOOR, threads,
                                       counts, total)


def problem(name, seed, n=60, k=3, d=3, s=1):
    """Groups of points and mixtures near them, after a step of EM so that no point has it all."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * [1.0, 0.5, 2.0, 1.5][:d] + 2 * rng.integers(0, k, n)[:, None]
    weights = rng.dirichlet(np.full(k, 5.0), s)
    means = x[rng.integers(n, size=(s, k))]
    root = rng.normal(size=(s, k, d, d + 4))
    factors = np.linalg.cholesky(root @ np.swapaxes(root, 2, 3) / d)
    if d > 1:
        rule = STRUCTURES[name]
        factors = np.stack([rule.conform(Dense(f), w).factors
                            for f, w in zip(factors, weights, strict=True)])
    w, m, f, *_ = native.climb_table(x, None, name, weights, means, factors, np.full(k, NAN),
                                     np.ones(k), None, 0.0, 0.0, None, FLOOR, 2, 0.0, 1)
    return rng, x, (w, m, f)


@every_structure
@pytest.mark.parametrize("d", [2, 3, 4])
def test_gains_are_the_matrices_written_out(name, d):
    for seed in range(3):
        rng, x, mixtures = problem(name, seed, d=d)
        for w in (np.ones(len(x)), rng.uniform(0.1, 3, len(x))):
            for held in (np.full(3, NAN), np.array([NAN, mixtures[0][0, 1], NAN])):
                mixture = [part[0] for part in mixtures]
                wanted = gains_written_out(name, x, w, *mixture, held)
                found = gains(name, x, None if (w == 1).all() else w, mixtures, held)[0]
                np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("name", ["VII", "VVI", "VVV"])
def test_one_column_is_what_soundness_has(name):
    for seed in range(8):
        rng, x, mixtures = problem(name, seed, k=4, d=1, n=50)
        w = rng.uniform(0.1, 3, len(x))
        if seed == 3:
            x[0] = 1e3  # far from all
        given = {"weights": [NAN, mixtures[0][0, 1], NAN, NAN]} if seed % 2 else {}
        model = replace(Model.parse(4, 1, **given), floor=FLOOR)
        weights, means, factors = (part[0] for part in mixtures)
        wanted = soundness.left_out_gains(
            x[:, 0], w, Mixture.univariate(weights, means[:, 0], factors[:, 0, 0]), model)
        found = gains(name, x, w, mixtures, np.asarray(model.held.weights))[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


@every_structure
def test_threads_do_not_change_a_bit_and_mixtures_are_judged_alone(name):
    _, x, mixtures = problem(name, 1, n=500, s=7)
    one, two, eight = (gains(name, x, None, mixtures, threads=t) for t in (1, 2, 8))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, eight)
    alone = gains(name, x, None, [part[3:4].copy() for part in mixtures])
    np.testing.assert_array_equal(alone[0], one[3])


@every_structure
def test_gains_of_parts_add(name):
    rng, x, mixtures = problem(name, 2, n=70)
    w = rng.uniform(0.5, 2, len(x)) * (rng.random(len(x)) < 0.8)
    whole = gains(name, x, w, mixtures)
    weights, means, factors = (part[0] for part in mixtures)
    matrices = factors @ np.swapaxes(factors, 1, 2)
    logs = np.array([[np.log(weights[j]) + log_normal(row, means[j], matrices[j])
                      for j in range(3)] for row in x])
    counts = (w @ exp(logs - logsumexp(logs, axis=1)[:, None]))[None]
    parts = [gains(name, x[part].copy(), w[part].copy(), mixtures, counts=counts,
                   total=float(w.sum())) for part in (slice(0, 25), slice(25, 70))]
    np.testing.assert_allclose(parts[0] + parts[1], whole, rtol=1e-9, atol=1e-9)
    # A row without weight is none, wherever it is.
    x[w == 0] = 1e200
    np.testing.assert_array_equal(gains(name, x, w, mixtures), whole)


def test_what_cannot_be_judged_is_worth_everything():
    _, x, mixtures = problem("VVV", 0)
    alone = [part[:, :1].copy() for part in mixtures]
    assert gains("VVV", x, None, [np.ones((1, 1)), *alone[1:]]).tolist() == [[np.inf]]
    assert (gains("VVV", x[:1].copy(), None, mixtures) == np.inf).all()
    # Only one component explains a point.
    x[0] = 1e180
    assert np.isposinf(gains("VII", x, None, mixtures)).any()


def test_few_points_do_not_foretell_each_other():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(80, 2)), 5 + 0.01 * rng.normal(size=(3, 2))])
    weights = np.array([[80 / 83, 3 / 83]])
    means = np.stack([x[:80].mean(axis=0), x[80:].mean(axis=0)])[None]
    own = [np.cov(part.T, bias=True) for part in (x[:80], x[80:])]
    found = gains("VVV", x, None, (weights, means, np.linalg.cholesky(np.stack(own))[None]))[0]
    # The three are worth less than nothing there, though their likelihood is high.
    assert found[0] > 100 and found[1] < 0


def test_wrong_arguments_are_named():
    _, x, mixtures = problem("VVV", 0)
    with pytest.raises(ValueError, match="no such structure"):
        gains("full", x, None, mixtures)
    with pytest.raises(ValueError, match="counts"):
        gains("VVV", x, None, mixtures, counts=np.ones((1, 2)))
    with pytest.raises(TypeError, match="float64 or float32"):
        gains("VVV", x.astype(int), None, mixtures)


def test_single_precision_is_read_as_it_is():
    _, x, mixtures = problem("VVV", 0)
    short = x.astype(np.float32)
    np.testing.assert_array_equal(gains("VVV", short, None, mixtures),
                                  gains("VVV", short.astype(float), None, mixtures))
