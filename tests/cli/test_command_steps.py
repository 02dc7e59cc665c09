"""`emix steps`: the numbers of `emix.steps`, in tables, words and JSON lines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import emix
from emix.initialise import STARTS

Emix = Callable[..., Result]
TEACHING = ("teaching", "-k", "2", "--start-means", "2,5", "--start-sds", "1,1",
            "--start-weights", ".5,.5")


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_teaching_numbers(run: Emix) -> None:
    start, first = objects(run("steps", *TEACHING, "-n", "1", "--json"))
    assert start["iteration"] == 0 and start["gain"] is None
    assert start["loglik"] == pytest.approx(-3.5991707979727416, rel=1e-14)
    shares = [point["responsibilities"] for point in start["points"]]
    assert shares == [pytest.approx([0.8176, 0.1824], abs=5e-5),
                      pytest.approx([0.0474, 0.9526], abs=5e-5)]
    assert [point["value"] for point in start["points"]] == [3.0, 4.5]
    assert np.ravel(first["mixture"]["means"]).tolist() == \
        pytest.approx([3.0822413653567455, 4.258908925163158], rel=1e-14)
    assert first["gain"] == first["loglik"] - start["loglik"]


def test_json_lines_are_the_steps_of_the_library(run: Emix) -> None:
    lines = objects(run("steps", *TEACHING, "--sd", "1", "-n", "7", "--json"))
    start = emix.Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
    steps = list(itertools.islice(emix.steps([3.0, 4.5], start, sds=1.0), 8))
    assert [line["loglik"] for line in lines] == [step.loglik for step in steps]
    assert [line["mixture"] for line in lines] == [step.mixture.to_dict() for step in steps]
    assert [line["expected_points"] for line in lines] == \
        [step.statistics.weight.tolist() for step in steps]


def test_words_and_tables(run: Emix) -> None:
    text = run("steps", *TEACHING, "-n", "2").stdout
    for shown in ("0.82", "0.18", "0.05", "0.95", "3.08224", "4.25891", "-3.599171", "-1.636707",
                  "K-Means", "Iteration 1", "Iteration 2", "Φ", "μ", "σ"):
        assert shown in text
    assert "Iteration 3" not in text


def test_kmeans_goes_to_the_nearest_mean(run: Emix) -> None:
    # 3.4 is nearer to the mean at 2, but the wide component at 5 has more of it.
    start = ("--start-means", "2,5", "--start-sds", ".5,2")
    (line,) = objects(run("steps", "-", *start, "-n", "0", "--json", stdin="3.4\n9\n"))
    point = line["points"][0]
    assert point["kmeans"] == 0
    assert point["responsibilities"][0] < point["responsibilities"][1]


def test_no_more_points_than_asked_for(run: Emix) -> None:
    words = ("steps", "faithful", "--columns", "waiting", "-k", "2", "-n", "1")
    assert "269 more" in run(*words, "--points", "3").stdout
    assert objects(run(*words, "--points", "0", "--json"))[0]["points"] == []


@pytest.mark.parametrize("kind", STARTS)
def test_every_kind_of_start_climbs(run: Emix, kind: str) -> None:
    words = ("steps", "galaxies", "-k", "3", "--start", kind, "--seed", "5", "-n", "4", "--json")
    result = run(*words)
    logliks = [line["loglik"] for line in objects(result)]
    assert len(logliks) == 5
    assert logliks == sorted(logliks)
    assert run(*words).stdout == result.stdout


def test_weights_and_priors(run: Emix) -> None:
    weighted = "x,w\n1,2\n4,1\n5,0\n6,3\n"
    words = ("steps", "-", "--columns", "x", "--weight-column", "w", "--start-means", "1,5",
             "--prior-sd", "3", "--equal-weights", "-n", "2")
    lines = objects(run(*words, "--json", stdin=weighted))
    assert sum(lines[0]["expected_points"]) == pytest.approx(6)
    assert lines[1]["objective"] != lines[1]["loglik"]
    assert "log-posterior" in run(*words, stdin=weighted).stdout


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("-k", "3", "--start-means", "1,2"), "--start-means"),
        (("-k", "2", "--start-means", "1,2", "--start-sds", "1"), "--start-sds"),
        (("-k", "2", "--start-means", "1,2", "--start-weights", ".5,.6"), "weights"),
        (("-k", "2", "--start-means", "1,2", "--start-sds", "1,0"), "sds"),
        (("-k", "2", "--start-means", "1,nan"), "means"),
        (("-k", "2", "--start-sds", "1,2"), "--start-means"),
        (("-k", "2", "--start", "random", "--start-means", "1,2"), "--start"),
        (("-k", "2", "--start", "nowhere"), "nowhere"),
        ((), "-k"),
        (("-k", "2", "-n", "-1"), "-n"),
    ],
)
def test_a_start_that_cannot_be_is_a_matter_of_usage(
    run: Emix, options: tuple[str, ...], named: str
) -> None:
    assert named in run("steps", "teaching", *options, code=2).stderr
