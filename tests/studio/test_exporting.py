"""What is exported gives the same numbers when it is run."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import emix
from emix.cli import main

Prepare = Callable[[Any], Any]


def placed(page: Any) -> Any:
    page.act("iterate", count=2)
    page.ask("place", means=[[52.125], [91.0]])
    return page.act("iterate", count=5)


def held(page: Any) -> Any:
    page.ask("hold", weights=[0.25, None], means=[[None], [80.5]], sds=[None, 5.0],
             covariances=[])
    return page.act("iterate", count=4)


def equal_weights(page: Any) -> Any:
    page.ask("configure", k=3, covariance="E", kind="random", seed=7)
    third = 1 / 3
    page.ask("hold", weights=[third] * 3, means=[[None]] * 3, sds=[None] * 3, covariances=[])
    return page.act("iterate", count=6)


def to_the_end(page: Any) -> Any:
    return page.act("iterate", count=500)


def found(page: Any) -> Any:
    page.job("search")
    return page.ask("look", optimum=0)["state"]


def climbed(page: Any) -> Any:
    page.ask("place", means=[[50.0], [60.0]])
    page.job("finish")
    return page.ask("look", optimum=0)["state"]


def other_optimum(page: Any) -> Any:
    page.ask("configure", k=4)
    _, last = page.job("search")
    optima = last["done"]["fit"]["optima"]
    assert len(optima) > 1
    return page.ask("look", optimum=len(optima) - 1)["state"]


WAYS = [placed, held, equal_weights, to_the_end, found, climbed, other_optimum]


def run_command(line: str) -> Any:
    words = shlex.split(line)
    assert words[0] == "emix"
    result = CliRunner().invoke(main, [*words[1:], "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def agree(plain: Any, state: Any) -> None:
    mixture = state["mixture"]
    assert plain["loglik"] == pytest.approx(state["loglik"], rel=1e-13)
    for name in ("weights", "means"):
        assert np.allclose(plain["mixture"][name], mixture[name], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_the_command_gives_what_is_seen(waiting: Any, way: Prepare) -> None:
    state = way(waiting)
    agree(run_command(waiting.ask("reproduce")["command"]), state)


@pytest.mark.parametrize("way", WAYS)
def test_the_python_gives_what_is_seen(waiting: Any, way: Prepare) -> None:
    state = way(waiting)
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(waiting.ask("reproduce")["python"], names)
    result = names["step"] if "step" in names else names["fit"]
    agree({"loglik": result.loglik, "mixture": result.mixture.to_dict()}, state)


def test_a_dropped_file_and_a_start_of_several_columns(
    page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = emix.datasets.load("iris").data[:, 2:]
    content = 'long,"wi,de"\n' + "\n".join(f"{a},{b}" for a, b in rows)
    page.drop("-petals.csv", content.encode())
    page.ask("choose", columns=["long", "wi,de"])
    page.ask("configure", covariance="EEE")
    page.act("iterate")
    page.ask("place", means=[[1.5, 0.3], [5.0, 2.0]])
    state = page.act("iterate", count=3)
    made = page.ask("reproduce")
    assert made["needs_start"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-petals.csv").write_text(content)
    (tmp_path / "start.json").write_text(page.file("start.json"))
    agree(run_command(made["command"]), state)


def test_what_the_command_line_cannot_say_is_left_to_python(page: Any) -> None:
    page.open("faithful")
    page.ask("choose", columns=["eruptions", "waiting"])
    page.ask("hold", weights=[None, None], means=[[None, 55.0], [None, None]],
             sds=[None, None], covariances=[False, False])
    state = page.act("iterate", count=2)
    made = page.ask("reproduce")
    assert made["command"] is None and not made["needs_start"]
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(made["python"], names)
    agree({"loglik": names["step"].loglik, "mixture": names["step"].mixture.to_dict()}, state)


def test_the_model_loads_and_responsibilities_are_the_command_lines(
    waiting: Any, tmp_path: Path
) -> None:
    state = found(waiting)
    model = tmp_path / "model.json"
    model.write_text(waiting.file("model.json"))
    assert emix.load(model).means.tolist() == state["mixture"]["means"]
    about = json.loads(model.read_text())["about"]
    assert about["columns"] == ["waiting"] and about["units"] == ["minutes"]
    theirs = tmp_path / "r.csv"
    line = waiting.ask("reproduce")["command"]
    CliRunner().invoke(main, [*shlex.split(line)[1:], "--responsibilities", str(theirs)])
    assert waiting.file("responsibilities.csv") == theirs.read_text()


def test_there_is_no_other_file(waiting: Any) -> None:
    assert "no file" in waiting.file("passwd")
