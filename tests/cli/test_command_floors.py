"""`emix floors`: words, the object, the picture, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import emix

Emix = Callable[..., Result]
WAITING = ("floors", "faithful", "--columns", "waiting", "-k", "2")


def test_words_are_those_of_the_path(run: Emix) -> None:
    result = run(*WAITING, "--floors", "0.3,0.01,0.0001")
    assert result.stdout.startswith("waiting (minutes): the best fit for each floor")
    waiting = emix.datasets.load("faithful")["waiting"]
    path = emix.fit(waiting, 2).floor_path(waiting, [0.3, 0.01, 1e-4])
    assert result.stdout.splitlines()[2:] == path.report().splitlines()[2:]


def test_json_and_the_picture(run: Emix, one_object: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run(*WAITING, "--floors", "0.3,0.01", "--json", "--plot", "f.png")
    plain = one_object(result.stdout)
    assert plain["stable"] == [0.01, 0.3] and not plain["depends_on_floor"]
    assert [row["floor"] for row in plain["rows"]] == [0.3, 0.01]
    assert (tmp_path / "f.png").stat().st_size > 5000 and "wrote f.png" in result.stderr


def test_weights_count(run: Emix, one_object: Any) -> None:
    rows = "x,w\n" + "".join(f"{i % 17},{i % 3}\n" for i in range(60))
    words = ("floors", "-", "--columns", "x", "--weight-column", "w", "-k", "2", "--floors", "0.2",
             "--covariance", "E", "--json")
    plain = one_object(run(*words, stdin=rows).stdout)
    assert plain["is_bounded"] and plain["rows"][0]["is_fit"]


def test_what_is_refused(run: Emix) -> None:
    assert "expected numbers" in run(*WAITING, "--floors", "low", code=2).stderr
    assert "shares of the data's" in run(*WAITING, "--floors", "7", code=2).stderr
    assert "'-k'" in run("floors", "faithful", code=2).stderr
