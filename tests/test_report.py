"""What a fit says of itself, in words and as plain data."""

from __future__ import annotations

import json
import re
import warnings
from functools import cache

import numpy as np
import pytest

import emix
from emix import Mixture

NAN = np.nan
WAITING = emix.datasets.load("faithful")["waiting"]
GALAXIES = emix.datasets.load("galaxies")["velocity"]


def quietly(*args, **kwargs) -> emix.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return emix.fit(*args, **kwargs)


FITS = {
    "plain": lambda: emix.fit(WAITING, 2),
    "many optima": lambda: emix.fit(GALAXIES, 5),
    "tied": lambda: emix.fit(WAITING, 2, covariance="E"),
    "one": lambda: emix.fit(WAITING, 1),
    "held": lambda: emix.fit(WAITING, 2, means=[54.5, NAN], weights="equal"),
    "prior": lambda: emix.fit(
        WAITING, 2, prior=[emix.NormalPrior(70, 5), emix.DirichletPrior(3.0)]
    ),
    "prior, many optima": lambda: emix.fit(GALAXIES, 4, prior=emix.NormalPrior(15, 2)),
    "weighted": lambda: emix.fit(WAITING, 2, sample_weight=np.linspace(0.1, 2, len(WAITING))),
    "not converged": lambda: quietly(GALAXIES, 4, n_starts=2, max_iter=3),
    "degenerate": lambda: quietly([0.0, 1.0, 5.0], 3),
}


@cache
def made(name: str) -> emix.Fit:
    return FITS[name]()


@pytest.fixture(params=FITS)
def fit(request) -> emix.Fit:
    return made(request.param)


def test_the_text_states_the_model_and_the_sign_of_bic(fit):
    text = fit.report()
    lines = text.splitlines()
    assert lines[0] == f"{fit.name}: {fit.model.describe()}"
    assert f"log-likelihood {fit.loglik:.5f}" in text and f"df {fit.df}" in text
    assert f"BIC {fit.bic:.3f} " in text and f"ICL {fit.icl:.3f} " in text
    assert "smaller is better" in text
    assert f"mclust prints BIC as {-fit.bic:.3f}, larger better" in text
    assert str(fit) == text and max(map(len, lines)) <= 400
    assert not re.search(r"\bnan\b|None|array\(", text)


def test_the_components_are_a_table(fit):
    lines = [line.split() for line in fit.report().splitlines() if line.split()[:1] != ["±"]]
    start = next(i for i, words in enumerate(lines) if words[:1] == ["component"])
    m = fit.mixture
    for j, words in enumerate(lines[start + 1: start + 1 + fit.k]):
        numbers = [float(word.rstrip("=")) for word in words[:5]]
        assert numbers[0] == j + 1
        assert numbers[1] == pytest.approx(m.weights[j], abs=6e-6)
        assert numbers[2] == pytest.approx(m.means[j, 0], rel=6e-6)
        assert numbers[3] == pytest.approx(m.sds[j], rel=6e-6)
        assert numbers[4] == pytest.approx(m.weights[j] * fit.n, abs=0.06)
        held = fit.model.held
        assert [word.endswith("=") for word in words[1:4]] == [
            not held.learned_weights[j], not held.learned_means[j, 0],
            not held.learned_covariances[j]]
        assert ("degenerate" in words) == (j in [d.component for d in fit.degenerate])
    assert ("= held, not learned" in fit.report()) == (not fit.model.held.is_nothing)


def test_below_each_component_are_its_standard_errors(fit):
    lines = fit.report().splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:1] == ["component"])
    errors, held = fit.uncertainty, fit.model.held
    for j in range(fit.k):
        words = lines[start + 2 + 2 * j].split()
        assert words[0] == "±"
        wanted = [error for error, learned in (
            (errors.weights[j], held.learned_weights[j]),
            (errors.means[j, 0], held.learned_means[j, 0]),
            (errors.sds[j], held.learned_covariances[j])) if learned]
        shown = [np.nan if word == "-" else float(word) for word in words[1:]]
        np.testing.assert_allclose(shown, wanted, rtol=6e-3)
        assert np.isnan(shown).all() == any(d.component == j for d in fit.degenerate)
    assert "± standard error, from the observed information" in fit.report()


def test_below_each_column_are_its_standard_errors(table_fit):
    fit, errors = table_fit, table_fit.uncertainty
    lines, held = fit.report().splitlines(), table_fit.model.held
    for title, quantity, learned in (("mean", errors.means, held.learned_means),
                                     ("sd", errors.sds, held.learned_covariances[:, None])):
        start = next(i for i, line in enumerate(lines) if line.split()[:1] == [title])
        learned = np.broadcast_to(learned, quantity.shape)
        below = start + 1
        for i in range(len(fit.columns)):
            below += 1
            wanted = quantity[learned[:, i], i]
            if len(wanted):
                words = lines[below].split()
                assert words[0] == "±"
                shown = [np.nan if word == "-" else float(word) for word in words[1:]]
                np.testing.assert_allclose(shown, wanted, rtol=6e-3)
                below += 1


def test_the_optima_are_a_table(fit):
    text = fit.report()
    many = len(fit.optima)
    assert ("one optimum" if many == 1 else f"{many} distinct optima") in text
    rows = [line.split() for line in text.split("below best")[1].splitlines()[1: many + 1]]
    for i, (words, optimum) in enumerate(zip(rows, fit.optima, strict=True)):
        assert words[0] == str(i + 1) and words[1] == f"{optimum.loglik:.5f}"
        below = fit.optima[0].objective - optimum.objective
        assert words[2] == f"{below:.5f}" and words[3] == str(optimum.starts)
        assert ("degenerate" in words) == optimum.is_degenerate
    assert ("log-posterior" in text) == (not fit.model.prior.is_flat)


def test_what_went_wrong_is_said_in_words():
    assert made("plain").report().endswith("No warnings.")
    not_converged = made("not converged").report()
    assert "max_iter was reached" in not_converged and "\nWarning: not converged" in not_converged
    degenerate = made("degenerate")
    for note in degenerate.warnings:
        assert f"Warning: {note}" in degenerate.report()
    assert "component 1 is degenerate" in degenerate.report()
    assert "converged: the gradient of the objective is small" in made("plain").report()


def test_plain_data_are_json_and_complete(fit):
    plain = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    for key in ("k", "covariance", "loglik", "objective", "df", "aic", "bic", "icl", "converged",
                "n_iter", "gradient", "seed", "kernel", "n"):
        assert plain[key] == getattr(fit, key), key
    assert plain["outcome"] == fit.outcome.value and plain["model"] == fit.model.describe()
    assert plain["columns"] == list(fit.columns) and plain["warnings"] == list(fit.warnings)
    assert [d["component"] for d in plain["degenerate"]] == [d.component for d in fit.degenerate]
    assert Mixture.from_dict(plain["mixture"]) == fit.mixture
    assert len(plain["optima"]) == len(fit.optima)
    for row, optimum in zip(plain["optima"], fit.optima, strict=True):
        assert Mixture.from_dict(row["mixture"]) == optimum.mixture
        assert (row["loglik"], row["objective"], row["starts"], row["outcome"]) == (
            optimum.loglik, optimum.objective, optimum.starts, optimum.outcome.value)
        assert row["degenerate"] == [d.component for d in optimum.degenerate]


def test_a_whole_number_of_rows_is_written_as_one():
    assert isinstance(made("plain").to_dict()["n"], int)
    assert isinstance(made("weighted").to_dict()["n"], float)


def test_repr_is_one_line():
    text = repr(made("plain"))
    assert "\n" not in text and "k=2 V" in text and "converged" in text


# Several columns


FAITHFUL = emix.datasets.load("faithful").data
IRIS = emix.datasets.load("iris").data
SPIKED = Mixture([0.01, 0.99], [FAITHFUL[0], FAITHFUL.mean(axis=0)],
                 [np.eye(2) * 1e-9, np.cov(FAITHFUL.T)])
TABLES = {
    "plain": lambda: emix.fit(FAITHFUL, 2, n_starts=2),
    "many optima": lambda: emix.fit(IRIS, 3, covariance="VEV", n_starts=8, tol=1e-6),
    "tied": lambda: emix.fit(FAITHFUL, 2, covariance="tied", n_starts=2),
    "along the axes": lambda: emix.fit(IRIS, 3, covariance="VVI", n_starts=4, tol=1e-6),
    "spheres": lambda: emix.fit(IRIS, 2, covariance="VII", n_starts=2),
    "one": lambda: emix.fit(IRIS, 1),
    "means held": lambda: emix.fit(
        FAITHFUL, 2, means=[[2.0, NAN], NAN], weights="equal", n_starts=2),
    "a covariance held": lambda: emix.fit(
        FAITHFUL, 2, covariance="VVI", n_starts=2,
        covariances=[np.diag([0.1, 30.0]), np.full((2, 2), NAN)]),
    "prior": lambda: emix.fit(FAITHFUL, 2, n_starts=2, prior=[
        emix.NormalPrior([3, 70], [1, 10]), emix.DirichletPrior(3.0)]),
    "conjugate": lambda: emix.fit(FAITHFUL, 3, n_starts=4, prior="conjugate", tol=1e-6),
    "weighted": lambda: emix.fit(FAITHFUL, 2, n_starts=2, sample_weight=np.linspace(0.1, 2, 272)),
    "not converged": lambda: quietly(FAITHFUL, 3, n_starts=2, max_iter=3),
    "degenerate": lambda: quietly(np.vstack([FAITHFUL, FAITHFUL[:1]]), 2, start=SPIKED),
}


@cache
def tabled(name: str) -> emix.Fit:
    return TABLES[name]()


@pytest.fixture(params=TABLES)
def table_fit(request) -> emix.Fit:
    return tabled(request.param)


def block(text: str, title: str) -> list[list[str]]:
    """The words of each line under a title, up to the next empty one."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:1] == [title])
    end = next(i for i in range(start, len(lines)) if not lines[i].split())
    return [line.split() for line in lines[start:end] if line.split()[0] not in ("=", "±", "-")]


def test_the_text_of_several_columns(table_fit):
    fit, text = table_fit, table_fit.report()
    lines = text.splitlines()
    assert lines[0] == f"{', '.join(fit.columns)}: {fit.model.describe()}"
    assert f"log-likelihood {fit.loglik:.5f}" in text and f"df {fit.df}" in text
    assert f"BIC {fit.bic:.3f} " in text and f"mclust prints BIC as {-fit.bic:.3f}" in text
    assert str(fit) == text and max(map(len, lines)) <= 400
    assert not re.search(r"\bnan\b|None|array\(", text)
    assert not any(line != line.rstrip() for line in lines)
    assert ("log-posterior" in text) == (not fit.model.prior.is_flat)


def test_weights_means_and_sds_are_tables_with_a_line_for_each_column(table_fit):
    fit, text = table_fit, table_fit.report()
    m, held = fit.mixture, fit.model.held
    for j, words in enumerate(block(text, "component")[1:fit.k + 1]):
        assert int(words[0]) == j + 1
        assert float(words[1].rstrip("=")) == pytest.approx(m.weights[j], abs=6e-6)
        assert words[1].endswith("=") == (not held.learned_weights[j])
        assert float(words[2]) == pytest.approx(m.weights[j] * fit.n, abs=0.06)
        assert ("degenerate" in words) == (j in [d.component for d in fit.degenerate])
    sds = np.sqrt(np.diagonal(m.covariances, axis1=1, axis2=2))
    fixed = np.repeat(~held.learned_covariances[:, None], len(fit.columns), axis=1)
    for title, values, marks in (("mean", m.means, ~held.learned_means), ("sd", sds, fixed)):
        head, *rows = block(text, title)
        assert head[1:] == [str(j + 1) for j in range(fit.k)]
        assert [words[0] for words in rows] == list(fit.columns)
        for i, words in enumerate(rows):
            numbers = [float(word.rstrip("=")) for word in words[1:]]
            np.testing.assert_allclose(numbers, values[:, i], rtol=6e-5)
            assert [word.endswith("=") for word in words[1:]] == marks[:, i].tolist()
    assert ("= held, not learned" in text) == (not held.is_nothing)


def test_correlations_where_the_structure_has_them(table_fit):
    fit, text = table_fit, table_fit.report()
    turned = fit.covariance[2] != "I"
    assert ("correlation" in text) == turned
    if not turned:
        return
    rows = block(text, "correlation")[1:]
    d, sigma = len(fit.columns), fit.mixture.covariances
    pairs = [(j, i) for i in range(d) for j in range(i)]
    assert [words[:3] for words in rows] == [
        [fit.columns[j], "×", fit.columns[i]] for j, i in pairs]
    for (j, i), words in zip(pairs, rows, strict=True):
        wanted = sigma[:, i, j] / np.sqrt(sigma[:, i, i] * sigma[:, j, j])
        numbers = [float(word.rstrip("=")) for word in words[3:]]
        np.testing.assert_allclose(numbers, wanted, rtol=6e-5, atol=1e-9)


def test_the_optima_of_several_columns_are_a_table(table_fit):
    fit, text = table_fit, table_fit.report()
    many = len(fit.optima)
    assert ("one optimum" if many == 1 else f"{many} distinct optima") in text
    rows = [line.split() for line in text.split("below best")[1].splitlines()[1: many + 1]]
    for i, (words, optimum) in enumerate(zip(rows, fit.optima, strict=True)):
        assert words[0] == str(i + 1) and words[1] == f"{optimum.loglik:.5f}"
        assert words[3] == str(optimum.starts)
        assert ("degenerate" in words) == optimum.is_degenerate


def test_plain_data_of_several_columns_are_json_and_complete(table_fit):
    fit = table_fit
    plain = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    for key in ("k", "covariance", "loglik", "objective", "df", "bic", "n_iter", "gradient", "n"):
        assert plain[key] == getattr(fit, key), key
    assert plain["columns"] == list(fit.columns) and plain["model"] == fit.model.describe()
    assert Mixture.from_dict(plain["mixture"]) == fit.mixture
    for row, optimum in zip(plain["optima"], fit.optima, strict=True):
        assert Mixture.from_dict(row["mixture"]) == optimum.mixture
    assert [d["component"] for d in plain["degenerate"]] == [d.component for d in fit.degenerate]


def test_a_fit_of_several_columns_is_saved_and_loaded(tmp_path, table_fit):
    path = tmp_path / "model.json"
    table_fit.save(path)
    assert emix.load(path) == table_fit.mixture


def test_what_went_wrong_in_several_columns_is_said_in_words():
    assert tabled("plain").report().endswith("No warnings.")
    assert "max_iter was reached" in tabled("not converged").report()
    degenerate = tabled("degenerate")
    for note in degenerate.warnings:
        assert f"Warning: {note}" in degenerate.report()
    assert "component 1 is degenerate" in degenerate.report() or \
        "component 2 is degenerate" in degenerate.report()


def test_many_columns_are_cut_and_counted():
    x = np.random.default_rng(0).normal(size=(200, 60))
    text = emix.fit(x, 2, covariance="diag", start="hierarchical", tol=1e-3).report()
    assert text.splitlines()[0].startswith("x1, x2, ") and "x20 and 40 more: " in text
    assert text.count("and 30 more columns") == 2 and "correlation" not in text
    assert max(map(len, text.splitlines())) <= 400
    five = emix.fit(x[:, :5], 1).report()
    assert "correlation" not in five and "correlation" in emix.fit(x[:, :4], 1).report()


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_units_are_no_obstacle_to_a_report(scale):
    """Squares of these are no doubles."""
    text = emix.fit(FAITHFUL * scale, 2, n_starts=2).report()
    plain = tabled("plain").report()
    assert block(text, "correlation")[1:] == block(plain, "correlation")[1:]
    for one, other in zip(block(text, "sd")[1:], block(plain, "sd")[1:], strict=True):
        np.testing.assert_allclose(np.array(one[1:], float) / scale, np.array(other[1:], float),
                                   rtol=2e-4)
