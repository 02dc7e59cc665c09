"""What is sent: bins of all the data, few points, shares that are responsibilities."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

import emix
from emix.plots import style
from emix.studio import views


def shares_of(text: str, k: int) -> Any:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, k) / 255


def mixture_of(state: Any) -> emix.Mixture:
    mixture = state["mixture"]
    return emix.Mixture.univariate(mixture["weights"], np.ravel(mixture["means"]),
                                   np.ravel(mixture["sds"]))


def test_bars_hold_all_the_data(waiting: Any) -> None:
    scene = waiting.run["scene"]
    widths = np.diff(scene["edges"])
    assert np.dot(widths, scene["heights"]) == pytest.approx(1)
    assert scene["low"] < scene["edges"][0] and scene["edges"][-1] < scene["high"]
    assert len(scene["values"]) == scene["n"] == 272
    assert scene["titles"] == ["waiting (minutes)"]


def test_shares_are_the_responsibilities(waiting: Any) -> None:
    state = waiting.act("iterate", count=3)
    scene, mixture = waiting.run["scene"], mixture_of(state)
    middles = (np.array(scene["edges"][1:]) + scene["edges"][:-1]) / 2
    assert np.abs(shares_of(state["shares"]["bins"], 2) - mixture.responsibilities(middles)).max() \
        <= 0.5 / 255 + 1e-12
    of_points = shares_of(state["shares"]["points"], 2)
    assert np.abs(of_points - mixture.responsibilities(scene["values"])).max() <= 0.5 / 255 + 1e-12


def test_rows_under_the_pointer_are_the_nearest(waiting: Any) -> None:
    assert waiting.ask("under", place=[66.0])["shares"] is None
    state = waiting.act("iterate")
    found = waiting.ask("under", place=[66.2])
    column = emix.datasets.load("faithful")["waiting"]
    away = np.abs(column - 66.2)
    assert sorted(away[found["rows"]]) == sorted(np.sort(away)[:views.LISTED])
    assert np.ravel(found["values"]).tolist() == column[found["rows"]].tolist()
    assert found["shares"] == mixture_of(state).responsibilities(column[found["rows"]]).tolist()


def test_many_rows_are_sent_as_bins_alone(page: Any) -> None:
    rows = np.random.default_rng(0).normal(size=(5000, 2)).round(4)
    text = "a,b\n" + "\n".join(f"{a},{b}" for a, b in rows)
    page.drop("many.csv", text.encode())
    assert page.run["scene"]["values"] is None
    scene = page.ask("choose", columns=["a", "b"])["scene"]
    assert scene["points"] is None and sum(scene["counts"]) == 5000
    state = page.act("iterate")
    assert state["shares"]["points"] is None
    assert len(shares_of(state["shares"]["bins"], 2)) == len(scene["cells"])
    place = rows[17].tolist()
    assert page.ask("under", place=place)["rows"][0] == 17


def test_a_pair_of_more_columns(page: Any) -> None:
    page.open("iris")
    page.ask("choose", columns=["Sepal_Length", "Sepal_Width", "Petal_Length"])
    chosen = page.ask("pair", pair=[2, 0])
    iris = emix.datasets.load("iris")
    assert chosen["scene"]["points"] == iris.data[:, [2, 0]].tolist()
    factors = np.array(chosen["state"]["mixture"]["ellipses"])
    sds = np.array(chosen["state"]["mixture"]["sds"])
    assert np.linalg.norm(factors, axis=2) == pytest.approx(sds[:, [2, 0]])
    assert "no pair" in page.ask("pair", 422, pair=[1, 1])["error"]


def test_constant_and_tiny_data_are_drawn_or_refused_in_words(page: Any) -> None:
    response = page.client.post("/api/upload", params={"name": "same.csv"},
                                content=b"x\n3\n3\n3\n")
    if response.status_code != 200:
        assert "constant" in response.json()["error"] or "distinct" in response.json()["error"]
    page.open("teaching")
    assert page.run["scene"]["values"] == [3.0, 4.5]


def test_the_look_is_that_of_the_plots(page: Any) -> None:
    look = page.client.get("/api/begin").json()["look"]
    assert look["palette"] == list(style.PALETTE)
    assert look["lines"] == list(style.LINE_STYLES)
