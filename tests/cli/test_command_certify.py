"""`emix certify`: words, the object, the picture, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import emix

Emix = Callable[..., Result]
WAITING = ("faithful", "--columns", "waiting", "-k", "2", "--covariance", "E")


def test_words_are_those_of_the_certificate(run: Emix) -> None:
    result = run("certify", *WAITING)
    assert result.stdout.startswith("waiting (minutes): how far the fit is")
    waiting = emix.datasets.load("faithful")["waiting"]
    found = emix.certify(waiting, emix.fit(waiting, 2, covariance="E"))
    assert result.stdout.splitlines()[2:] == found.report().splitlines()[2:]
    assert result.stderr == ""


def test_json_is_one_object(run: Emix, one_object: Any) -> None:
    plain = one_object(run("certify", *WAITING, "--json").stdout)
    assert plain["bound"] - plain["loglik"] == plain["gap"] > 0
    assert plain["fit"]["columns"] == ["waiting"] and plain["global_proof"] is None


def test_a_proof_is_told_in_words_and_numbers(run: Emix, one_object: Any) -> None:
    held = ("certify", "faithful", "--columns", "waiting", "-k", "2", "--sd", "5.87")
    assert "Global optimum proven" in run(*held, "--prove-global").stdout
    proof = one_object(run(*held, "--prove-global", "--json").stdout)["global_proof"]
    assert proof["proven"] and proof["k"] == 2 and proof["upper"] >= proof["loglik"]
    soon = run(*held, "--prove-global", "--time-limit", "0").stdout
    assert "not proven: the time limit was reached" in soon
    four = ("-k", "4", "--sd", "6", "--n-starts", "1", "--prove-global")
    assert "k up to 3" in run(*held[:4], *four, code=2).stderr


def test_the_picture_is_written(run: Emix, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run("certify", "faithful", "--columns", "waiting", "-k", "1", "--plot", "d.png")
    assert (tmp_path / "d.png").stat().st_size > 5000 and "wrote d.png" in result.stderr


def test_weights_and_a_floor(run: Emix, one_object: Any) -> None:
    rows = "x,w\n" + "".join(f"{i % 17},{i % 3}\n" for i in range(60))
    words = ("certify", "-", "--columns", "x", "--weight-column", "w", "-k", "1", "--json")
    plain = one_object(run(*words, "--sd-floor", "2", stdin=rows).stdout)
    assert plain["sd_floor"] == 2.0 and plain["n"] == 60
    assert plain["bound"] > one_object(run(*words, stdin=rows).stdout)["bound"]


def test_what_is_refused(run: Emix) -> None:
    assert "one column so far" in run("certify", "faithful", "-k", "2", code=2).stderr
    assert "'-k'" in run("certify", "faithful", code=2).stderr
    assert "sd_floor" in run("certify", *WAITING, "--sd-floor", "90", code=2).stderr
    assert "there is no folder" in run("certify", *WAITING, "--plot", "no/d.png", code=1).stderr
