"""The command line in several columns: which are read, what is printed, what a model file keeps."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import emix
from emix.initialise import STARTS_OF_ROWS
from emix.mixture import modelfile

Emix = Callable[..., Result]
FAITHFUL = emix.datasets.load("faithful")
QUICK = ("--n-starts", "2")


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def turned(tmp_path: Path) -> Path:
    """Old Faithful with the columns the other way round, and others beside them."""
    path = tmp_path / "turned.csv"
    rows = (f"{w!r},here,{i},{e!r}" for i, (e, w) in enumerate(FAITHFUL.data.tolist()))
    path.write_text("waiting,place,row,eruptions\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def table(run: Emix, tmp_path: Path) -> Path:
    """A saved fit of two components to both columns of Old Faithful."""
    run("fit", "faithful", "-k", "2", *QUICK, "--save", "table.json")
    return tmp_path / "table.json"


# --- fit


def test_all_columns_are_fitted_unless_some_are_chosen(run: Emix, one_object: Any) -> None:
    plain = one_object(run("fit", "faithful", "-k", "2", *QUICK, "--json").stdout)
    found = emix.fit(FAITHFUL, 2, n_starts=2)
    assert plain["columns"] == ["eruptions", "waiting"]
    assert plain["mixture"] == found.mixture.to_dict() and plain["loglik"] == found.loglik
    assert np.shape(plain["mixture"]["means"]) == (2, 2)
    assert np.shape(plain["mixture"]["covariances"]) == (2, 2, 2)
    assert plain["covariance"] == "VVV" and plain["df"] == 11


def test_columns_keep_the_order_they_are_asked_for(run: Emix, one_object: Any) -> None:
    words = ("fit", "iris", "--columns", "Petal_Width,1,Sepal_Width", "-k", "2", "--json", *QUICK)
    plain = one_object(run(*words).stdout)
    assert plain["columns"] == ["Petal_Width", "Sepal_Length", "Sepal_Width"]
    iris = emix.datasets.load("iris")
    found = emix.fit(iris.data[:, [3, 0, 1]], 2, n_starts=2)
    assert plain["loglik"] == found.loglik


def test_the_report_names_columns_with_their_units(run: Emix) -> None:
    result = run("fit", "faithful", "-k", "2", *QUICK)
    found = emix.fit(FAITHFUL, 2, n_starts=2)
    titles = ("eruptions (minutes)", "waiting (minutes)")
    assert result.stdout == dataclasses.replace(found, columns=titles).report() + "\n"
    assert result.stdout.startswith("eruptions (minutes), waiting (minutes): mixture of 2")


@pytest.mark.parametrize("covariance", ["EII", "VVI", "EEE", "VVE", "tied", "diag", "spherical"])
def test_covariance_structures_by_name(run: Emix, one_object: Any, covariance: str) -> None:
    words = ("fit", "faithful", "-k", "2", "--covariance", covariance, *QUICK, "--json")
    plain = one_object(run(*words).stdout)
    found = emix.fit(FAITHFUL, 2, covariance=covariance, n_starts=2)
    assert plain["covariance"] == found.covariance and plain["loglik"] == found.loglik


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (("--equal-weights",), {"weights": "equal"}),
        (("--prior", "conjugate"), {"prior": "conjugate"}),
        (("--prior-mean", "3,70", "--prior-sd", "1,20"),
         {"prior": emix.NormalPrior((3.0, 70.0), (1.0, 20.0))}),
        (("--covariance", "spherical", "--sds", "nan,6"),
         {"covariance": "spherical", "sds": [np.nan, 6.0]}),
        (("--start", "hierarchical",), {"start": "hierarchical"}),
        (("--start", "random", "--seed", "3"), {"start": "random", "seed": 3}),
    ],
)
def test_options_are_the_arguments_of_fit(
    run: Emix, one_object: Any, options: tuple[str, ...], arguments: dict[str, Any]
) -> None:
    plain = one_object(run("fit", "faithful", "-k", "2", *QUICK, *options, "--json").stdout)
    found = emix.fit(FAITHFUL, 2, n_starts=2, **arguments)
    assert plain["mixture"] == found.mixture.to_dict()
    assert plain["objective"] == found.objective


def test_weights_are_a_column_that_is_not_data(run: Emix, one_object: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 2)) + np.repeat([[0, 0], [7, 7]], 30, axis=0)
    counts = rng.integers(0, 4, 60)
    text = "".join(f"{a!r},{w},{b!r}\n" for (a, b), w in
                   zip(rows.tolist(), counts.tolist(), strict=True))
    (tmp_path / "w.csv").write_text("a,w,b\n" + text)
    words = ("fit", "w.csv", "-k", "2", *QUICK, "--json", "--weight-column")
    plain = one_object(run(*words, "w").stdout)
    assert plain["columns"] == ["a", "b"] and plain["n"] == counts.sum()
    assert one_object(run(*words, "2").stdout) == plain
    assert one_object(run(*words, "w", "--columns", "a,b").stdout) == plain
    repeated = emix.fit(np.repeat(rows, counts, axis=0), 2, n_starts=2)
    assert plain["loglik"] == pytest.approx(repeated.loglik, rel=1e-9)


def test_text_columns_are_refused_with_those_that_can_be_chosen(run: Emix, turned: Path) -> None:
    result = run("fit", "turned.csv", "-k", "2", code=3)
    assert "turned.csv:2:2: column 'place': 'here' is not a number" in result.stderr
    assert "'waiting', 'row', 'eruptions'" in result.stderr
    chosen = run("fit", "turned.csv", "--columns", "eruptions,waiting", "-k", "2", *QUICK)
    assert chosen.stdout.startswith("eruptions, waiting: ")


def test_responsibilities_of_rows(run: Emix, tmp_path: Path) -> None:
    run("fit", "faithful", "-k", "3", *QUICK, "--responsibilities", "r.csv")
    header, *rows = csv.reader((tmp_path / "r.csv").read_text().splitlines())
    assert header == ["label", "p1", "p2", "p3"] and len(rows) == 272
    shares = np.array(rows, float)[:, 1:]
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert np.array_equal(shares.argmax(axis=1) + 1, np.array(rows, float)[:, 0])


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")
@pytest.mark.parametrize("source", ["faithful", "iris"])
def test_pictures_of_columns(run: Emix, tmp_path: Path, source: str) -> None:
    result = run("fit", source, "-k", "2", *QUICK, "--plot", "p.png")
    assert "p.png" in result.stderr
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("-k", "2", "--means", "1,2"), "--means"),
        (("-k", "2", "--sd", "1"), "sds"),
        (("-k", "2", "--kmeans"), "K-Means"),
        (("-k", "2", "--plot-kmeans", "k.png"), "K-Means"),
        (("-k", "2", "--covariance", "XYZ"), "XYZ"),
        (("-k", "2", "--prior-mean", "1,2,3", "--prior-sd", "1"), "NormalPrior"),
        (("-k", "2", "--start", "nowhere"), "nowhere"),
        (("-k", "2", "--columns", "waiting,,"), "--columns"),
        (("--start", "none.json"), "none.json"),
    ],
)
def test_what_cannot_be_asked_of_two_columns(
    run: Emix, options: tuple[str, ...], named: str
) -> None:
    code = 5 if "none.json" in options else 2
    result = run("fit", "faithful", *options, code=code)
    assert named in result.stderr and result.stdout == ""


def test_the_same_column_twice_is_refused(run: Emix, turned: Path) -> None:
    for source in ("faithful", "turned.csv"):
        words = ("fit", source, "--columns", "waiting,waiting", "-k", "2")
        assert "waiting" in run(*words, code=2).stderr


# --- what a model file keeps


def test_a_model_keeps_the_names_of_its_columns(run: Emix, one_object: Any, table: Path) -> None:
    mixture, about = modelfile.read(table)
    assert about["columns"] == ["eruptions", "waiting"] and about["units"] == ["minutes"] * 2
    assert mixture == emix.fit(FAITHFUL, 2, n_starts=2).mixture
    shown = one_object(run("show", str(table), "--json").stdout)
    assert shown["about"]["columns"] == ["eruptions", "waiting"]
    assert np.shape(shown["mixture"]["covariances"]) == (2, 2, 2)
    text = run("show", str(table)).stdout
    for said in ("eruptions", "waiting", "component 2", "54.4785", "0.285", "in 2 columns"):
        assert said in text


def test_predict_finds_columns_by_name(run: Emix, table: Path, turned: Path) -> None:
    labels = run("predict", str(table), "faithful").stdout
    assert run("predict", str(table), "turned.csv").stdout == labels
    assert run("predict", str(table), "turned.csv", "--columns", "eruptions,1").stdout == labels
    found = emix.fit(FAITHFUL, 2, n_starts=2)
    assert labels.split()[1:] == [str(label + 1) for label in found.mixture.predict(FAITHFUL.data)]
    result = run("predict", str(table), "faithful", "--responsibilities").stdout
    cells = np.array([row.split(",") for row in result.split()[1:]], float)
    assert np.array_equal(cells[:, 1:3], found.mixture.responsibilities(FAITHFUL.data))


def test_predict_goes_by_position_only_where_no_name_is_known(run: Emix, table: Path) -> None:
    named = run("predict", str(table), "-", stdin="eruptions,waiting\n2,50\n4.5,85\n").stdout
    bare = run("predict", str(table), "-", stdin="2,50\n4.5,85\n")
    assert bare.stdout == named and "x1, x2" in bare.stderr
    half = run("predict", str(table), "-", stdin="waiting,other\n50,2\n", code=3)
    assert "no column 'eruptions'" in half.stderr and "--columns" in half.stderr
    more = run("predict", str(table), "-", stdin="1,2,3\n", code=3)
    assert "eruptions" in more.stderr
    other = ("predict", str(table), "faithful", "--columns", "waiting")
    assert "the model is of 2" in run(*other, code=3).stderr


def test_samples_have_the_columns_names(run: Emix, one_object: Any, table: Path) -> None:
    drawn = run("sample", str(table), "-n", "500", "--seed", "1").stdout
    header, *rows = csv.reader(drawn.splitlines())
    assert header == ["eruptions", "waiting"]
    expected, _ = modelfile.read(table)[0].sample(500, 1)
    assert np.array_equal(np.array(rows, float), expected)
    plain = one_object(run("fit", "-", "-k", "2", *QUICK, "--json", stdin=drawn).stdout)
    assert plain["columns"] == ["eruptions", "waiting"]
    assert np.sort(np.array(plain["mixture"]["means"])[:, 1]) == pytest.approx([54.5, 80], abs=2)


# --- starting from a saved model


def test_a_fit_starts_where_another_ended(run: Emix, one_object: Any, table: Path) -> None:
    plain = one_object(run("fit", "faithful", "--start", str(table), "--json").stdout)
    assert plain["n_iter"] <= 1 and plain["k"] == 2
    assert plain["loglik"] == pytest.approx(emix.fit(FAITHFUL, 2, n_starts=2).loglik, rel=1e-12)


def test_a_start_brings_its_columns(run: Emix, one_object: Any, table: Path, turned: Path) -> None:
    expected = one_object(run("fit", "faithful", "--start", str(table), "--json").stdout)["loglik"]
    by_name = one_object(run("fit", "turned.csv", "--start", str(table), "--json").stdout)
    assert by_name["columns"] == ["eruptions", "waiting"] and by_name["n_iter"] <= 1
    assert by_name["loglik"] == expected
    other = ("--columns", "waiting,eruptions", "--start", str(table), "--json")
    other_order = one_object(run("fit", "turned.csv", *other).stdout)
    assert other_order["columns"] == ["waiting", "eruptions"] and other_order["n_iter"] <= 1
    assert other_order["loglik"] == pytest.approx(expected, rel=1e-12)
    assert np.shape(other_order["mixture"]["means"]) == (2, 2)


def test_a_start_of_other_columns_is_said_or_refused(run: Emix, table: Path) -> None:
    words = ("fit", "iris", "--start", str(table), "--columns", "Petal_Length,Petal_Width")
    assert "taken for Petal_Length, Petal_Width" in run(*words).stderr
    refused = run("fit", "iris", "--start", str(table), "--columns", "Petal_Length", code=2)
    assert "eruptions, waiting" in refused.stderr and "--columns" in refused.stderr
    assert "no column 'eruptions'" in run("fit", "iris", "--start", str(table), code=3).stderr
    for command in ("fit", "steps"):
        assert "3" in run(command, "faithful", "--start", str(table), "-k", "3", code=2).stderr


def test_a_start_without_names_goes_by_position(run: Emix, tmp_path: Path) -> None:
    emix.fit(FAITHFUL, 2, n_starts=2).mixture.save(tmp_path / "bare.json")
    result = run("fit", "faithful", "--start", "bare.json")
    assert "after 0 steps" in result.stdout and result.stderr == ""


# --- steps


def test_steps_of_rows_are_those_of_the_library(run: Emix, table: Path) -> None:
    mixture = modelfile.read(table)[0]
    words = ("steps", "faithful", "--start", str(table), "--covariance", "EVE", "-n", "3")
    lines = objects(run(*words, "--json", "--points", "2"))
    steps = list(itertools.islice(emix.steps(FAITHFUL, mixture, covariance="EVE"), 4))
    assert [line["loglik"] for line in lines] == [step.loglik for step in steps]
    assert [line["mixture"] for line in lines] == [step.mixture.to_dict() for step in steps]
    assert lines[0]["columns"] == ["eruptions", "waiting"]
    assert [point["values"] for point in lines[0]["points"]] == FAITHFUL.data[:2].tolist()
    shares = np.array([point["responsibilities"] for point in lines[0]["points"]])
    assert np.array_equal(shares, steps[0].mixture.responsibilities(FAITHFUL.data[:2]))


@pytest.mark.parametrize("kind", STARTS_OF_ROWS)
def test_every_kind_of_start_climbs(run: Emix, kind: str) -> None:
    words = ("steps", "iris", "-k", "3", "--start", kind, "--seed", "5", "-n", "3", "--json")
    result = run(*words)
    logliks = [line["loglik"] for line in objects(result)]
    assert len(logliks) == 4 and logliks == sorted(logliks)
    assert run(*words).stdout == result.stdout


def test_tables_and_words(run: Emix) -> None:
    text = run("steps", "faithful", "-k", "2", "-n", "1", "--points", "3").stdout
    for said in ("eruptions (minutes), waiting (minutes)", "272 rows in 2 columns", "K-Means",
                 "(269 more)", "component 2, Φ", "correlation with those above", "Iteration 1",
                 " of its σ (", "log-likelihood"):
        assert said in text
    # Along the axes there are no correlations to show.
    assert "correlation" not in run("steps", "iris", "-k", "2", "-n", "1", "--covariance",
                                    "VVI").stdout
    wide = run("steps", "wine", "-k", "2", "-n", "1", "--covariance", "diag").stdout
    assert "proline" in wide
    rows = [line for line in wide.splitlines() if line.startswith("  ") and "rose" not in line]
    assert any("…" in row for row in rows) and max(map(len, rows)) < 120


def test_kmeans_counts_columns_in_standard_deviations(run: Emix, tmp_path: Path) -> None:
    # In raw units the second column alone would decide.
    mixture = emix.Mixture([0.5, 0.5], [[0.0, 0.0], [10.0, 100.0]], [np.diag([1.0, 1e4])] * 2)
    mixture.save(tmp_path / "m.json", columns=["a", "b"])
    text = "a,b\n0,90\n10,-300\n0,-250\n10,460\n"
    (line,) = objects(run("steps", "-", "--start", "m.json", "-n", "0", "--json", stdin=text))
    assert [point["kmeans"] for point in line["points"]] == [0, 1, 0, 1]


def test_what_cannot_be_fitted_is_said_before_any_lesson(run: Emix) -> None:
    for text, named in (("a,b\n1,5\n2,5\n4,5\n", "b"), ("a,b\n1,2\n2,4\n3,6\n5,10\n", "b")):
        for command in ("fit", "steps"):
            result = run(command, "-", "-k", "1", stdin=text, code=3)
            assert named in result.stderr and result.stdout == ""


def test_start_means_are_of_one_column(run: Emix) -> None:
    words = ("steps", "faithful", "--start-means", "50,80")
    assert "--start-means" in run(*words, code=2).stderr
    assert "Start" in run(*words, "--columns", "waiting", "-n", "0").stdout


def test_a_weighted_lesson(run: Emix) -> None:
    text = "a,b,w\n1,2,1\n2,1,2\n8,9,0\n6,7,1\n7,7,1\n"
    words = ("steps", "-", "-k", "2", "--weight-column", "w", "--covariance", "EII", "-n", "2",
             "--start", "quantiles")
    lines = objects(run(*words, "--json", stdin=text))
    assert sum(lines[0]["expected_points"]) == pytest.approx(5)
    assert "(8, 9)" not in run(*words, stdin=text).stdout
