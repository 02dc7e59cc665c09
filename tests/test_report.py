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
    lines = [line.split() for line in fit.report().splitlines()]
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
            not held.learned_weights[j], not held.learned_means[j, 0], not held.learned_sds[j]]
        assert ("degenerate" in words) == (j in [d.component for d in fit.degenerate])
    assert ("= held, not learned" in fit.report()) == (not fit.model.held.is_nothing)


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
    assert plain["column"] == fit.name and plain["warnings"] == list(fit.warnings)
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
