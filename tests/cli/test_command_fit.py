"""`emix fit`: the report, the object, what it writes, and where data comes from."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import emix

Emix = Callable[..., Result]
WAITING = ("faithful", "--columns", "waiting", "-k", "2")
KEYS = {
    "n", "k", "covariance", "loglik", "df", "aic", "bic", "icl", "converged", "outcome",
    "mixture", "optima", "degenerate", "warnings", "columns",
}


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text().splitlines()))


def test_the_report_is_the_fits_own_with_the_unit_of_the_data(run: Emix) -> None:
    result = run("fit", *WAITING)
    found = emix.fit(emix.datasets.load("faithful")["waiting"], 2)
    expected = dataclasses.replace(found, columns=("waiting (minutes)",)).report()
    assert result.stdout == expected + "\n"
    assert result.stderr == ""


def test_json_is_one_object_with_the_numbers_of_fit(run: Emix, one_object: Any) -> None:
    result = run("fit", *WAITING, "--json")
    found = emix.fit(emix.datasets.load("faithful")["waiting"], 2)
    plain = one_object(result.stdout)
    assert set(plain) >= KEYS
    assert plain["loglik"] == found.loglik
    assert plain["mixture"] == found.mixture.to_dict()
    assert plain["columns"] == ["waiting"]


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (("--covariance", "E"), {"covariance": "E"}),
        (("--covariance", "tied"), {"covariance": "tied"}),
        (("--equal-weights",), {"weights": "equal"}),
        (("--weights", ".4,nan"), {"weights": [0.4, math.nan]}),
        (("--means", "nan,80"), {"means": [math.nan, 80.0]}),
        (("--sd", "6"), {"sds": 6.0}),
        (("--sds", "nan,6"), {"sds": [math.nan, 6.0]}),
        (("--prior-sd", "5"), {"prior": emix.NormalPrior(0.0, 5.0)}),
        (("--prior-mean", "70", "--prior-sd", "5"), {"prior": emix.NormalPrior(70.0, 5.0)}),
        (("--prior", "conjugate"), {"prior": "conjugate"}),
        (("--dirichlet", "3"), {"prior": emix.DirichletPrior(3.0)}),
        (("--dirichlet", "3,1"), {"prior": emix.DirichletPrior((3.0, 1.0))}),
        (("--start", "random", "--n-starts", "3", "--seed", "7"),
         {"start": "random", "n_starts": 3, "seed": 7}),
        (("--tol", "1e-4", "--max-iter", "900"), {"tol": 1e-4, "max_iter": 900}),
    ],
)
def test_options_are_the_arguments_of_fit(
    run: Emix, one_object: Any, options: tuple[str, ...], arguments: dict[str, Any]
) -> None:
    if "n_starts" not in arguments:
        # The whole search takes seconds with the portable kernel.
        options, arguments = (*options, "--n-starts", "2"), arguments | {"n_starts": 2}
    plain = one_object(run("fit", *WAITING, *options, "--json").stdout)
    found = emix.fit(emix.datasets.load("faithful")["waiting"], 2, **arguments)
    assert plain["mixture"] == found.mixture.to_dict()
    assert plain["objective"] == found.objective
    assert plain["df"] == found.df


def test_threads_do_not_change_a_bit(run: Emix) -> None:
    one, two = (run("fit", *WAITING, "--json", "--threads", t).stdout for t in "12")
    assert one == two


def test_weights_count_as_repetition(run: Emix, one_object: Any, tmp_path: Path) -> None:
    x, w = [1.0, 2.0, 2.5, 7.0, 8.0, 9.5], [3, 1, 2, 1, 4, 0]
    (tmp_path / "w.csv").write_text(
        "x,count\n" + "".join(f"{a},{b}\n" for a, b in zip(x, w, strict=True))
    )
    repeated = "".join(f"{a}\n" * b for a, b in zip(x, w, strict=True))
    options = ("-k", "2", "--covariance", "E", "--n-starts", "4", "--json")
    weighted = one_object(run("fit", "w.csv", "--weight-column", "count", *options).stdout)
    by_position = run("fit", "w.csv", "--columns", "1", "--weight-column", "2", *options).stdout
    plain = one_object(run("fit", "-", *options, stdin=repeated).stdout)
    assert weighted["n"] == plain["n"] == 11
    assert weighted["loglik"] == pytest.approx(plain["loglik"], rel=1e-9)
    assert one_object(by_position) == weighted


def test_weights_must_leave_values_to_fit(run: Emix) -> None:
    result = run("fit", "-", "-k", "1", "--weight-column", "x", stdin="1\n2\n", code=2)
    assert "weight-column" in result.stderr
    result = run("fit", *WAITING, "--weight-column", "eruptions", "--kmeans", code=2)
    assert "--kmeans" in result.stderr


@pytest.mark.parametrize(
    "content",
    [b"x\n1\n2\n4\n", b"x\r\n1\r\n2\r\n4\r\n", b"\xef\xbb\xbfx\r\n1\r\n2\r\n4\r\n", b"x\n1\n2\n4"],
    ids=["lf", "crlf", "bom", "no end"],
)
def test_line_ends_and_marks_do_not_matter(
    run: Emix, one_object: Any, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    from_file = one_object(run("fit", "x.csv", "-k", "1", "--json").stdout)
    from_stdin = one_object(run("fit", "-", "-k", "1", "--json", stdin=content).stdout)
    assert from_file == from_stdin
    assert from_file["mixture"]["means"] == [[pytest.approx(7 / 3, rel=1e-14)]]
    assert from_file["columns"] == ["x"]


def test_a_tab_separated_file(run: Emix, one_object: Any, tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("a\tb\n1\t5\n3\t6\n")
    plain = one_object(run("fit", "x.tsv", "--columns", "b", "-k", "1", "--json").stdout)
    assert plain["mixture"]["means"] == [[5.5]]


def test_a_data_set_name_wins_over_a_file_of_that_name(
    run: Emix, one_object: Any, tmp_path: Path
) -> None:
    (tmp_path / "teaching").write_text("x\n10\n20\n30\n")
    options = ("-k", "1", "--json")
    bundled, file = run("fit", "teaching", *options), run("fit", "./teaching", *options)
    assert one_object(bundled.stdout)["n"] == 2
    assert "./teaching" in bundled.stderr
    assert one_object(file.stdout)["n"] == 3
    assert file.stderr == ""


def test_columns_by_position(run: Emix, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("height,weight,age\n1,2,3\n4,5,6\n")
    assert run("fit", "t.csv", "--columns", "3", "-k", "1").stdout.startswith("age:")
    assert run("fit", "faithful", "--columns", "2", "-k", "1").stdout.startswith("waiting (min")


def test_responsibilities_have_all_digits(run: Emix, tmp_path: Path) -> None:
    result = run("fit", *WAITING, "--responsibilities", "r.csv")
    assert "r.csv" in result.stderr
    header, *rows = rows_of(tmp_path / "r.csv")
    x = emix.datasets.load("faithful")["waiting"]
    found = emix.fit(x, 2)
    assert header == ["label", "p1", "p2"]
    assert np.array_equal(np.array(rows, float)[:, 1:], found.responsibilities(x))
    assert [int(row[0]) - 1 for row in rows] == found.predict(x).tolist()


def test_kmeans_is_added_to_the_report_and_to_the_object(run: Emix, one_object: Any) -> None:
    x = emix.datasets.load("faithful")["waiting"]
    comparison = emix.fit(x, 2).compare_kmeans(x)
    assert comparison.report() in run("fit", *WAITING, "--kmeans").stdout
    plain = one_object(run("fit", *WAITING, "--kmeans", "--json").stdout)
    assert plain["kmeans"]["centres"] == comparison.centres.tolist()
    assert plain["kmeans"]["counts"] == comparison.counts.tolist()


needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)


@needs_matplotlib
def test_pictures_are_written(run: Emix, tmp_path: Path) -> None:
    result = run("fit", *WAITING, "--plot", "p.png", "--plot-kmeans", "q.svg")
    assert "p.png" in result.stderr and "q.svg" in result.stderr
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "q.svg").read_bytes()


def test_a_missing_extra_is_named_before_the_work(
    run: Emix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(emix, "fit", lambda *_, **__: pytest.fail("fitted all the same"))
    result = run("fit", *WAITING, "--plot", "p.png", code=2)
    assert "matplotlib" in result.stderr and "emix[plot]" in result.stderr


def test_not_converged_reports_all_the_same(run: Emix, one_object: Any) -> None:
    options = ("--start", "random", "--n-starts", "1", "--tol", "0", "--max-iter", "5")
    result = run("fit", *WAITING, *options, code=4)
    assert "log-likelihood" in result.stdout
    assert "UserWarning" not in result.output and "NotConvergedWarning" not in result.output
    result = run("fit", *WAITING, *options, "--json", "--save", "m.json", code=4)
    plain = one_object(result.stdout)
    assert plain["converged"] is False and plain["warnings"]
    assert plain["warnings"][0] in result.stderr


def test_an_interrupted_fit_reports_the_best_so_far(
    run: Emix, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = emix.fit(emix.datasets.load("faithful")["waiting"], 2)
    cut = dataclasses.replace(found, outcome=emix.Outcome.INTERRUPTED)
    monkeypatch.setattr(emix, "fit", lambda *_, **__: cut)
    assert "log-likelihood" in run("fit", *WAITING, code=130).stdout


def test_a_checkpoint_is_gone_on_from_and_is_of_one_fit(run: Emix, tmp_path: Path) -> None:
    whole = run("fit", *WAITING).stdout
    for _ in range(2):
        assert run("fit", *WAITING, "--checkpoint", "fit.json").stdout == whole
    before = (tmp_path / "fit.json").read_bytes()
    refused = run("fit", *WAITING, "--seed", "7", "--checkpoint", "fit.json", code=5)
    assert "seed is 0 there, 7 here" in refused.stderr
    assert (tmp_path / "fit.json").read_bytes() == before
    run("fit", *WAITING, "--checkpoint", "none/fit.json", code=1)


def test_a_checkpoint_on_a_full_disk_is_1(run: Emix, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    refused = run("fit", *WAITING, "--checkpoint", "fit.json", code=1)
    assert refused.stderr == ("Error: fit.json: cannot be written: No space left on device; "
                              "nothing that was there has changed\n")


def test_control_characters_in_a_name_do_not_reach_the_terminal(run: Emix) -> None:
    result = run("fit", "-", "-k", "1", stdin='"a\x1b[31m"\n1\n2\n')
    assert "\x1b" not in result.output
    result = run("fit", "-", "-k", "1", stdin='"a\x1b[31m",b\n1,5\n1,6\n1,9\n', code=3)
    assert "\x1b" not in result.output and "a\\x1b" in result.stderr
    text = '"a\x1b[31m",b\n1,5\n2,6\n1,9\n4,5\n'
    for command in ("fit", "steps"):
        assert "\x1b" not in run(command, "-", "-k", "1", stdin=text).output


def test_standard_errors_by_any_method(run: Emix, one_object: Any) -> None:
    plain = one_object(run("fit", *WAITING, "--json").stdout)
    assert plain["uncertainty"]["method"] == "observed"
    asked = one_object(run("fit", *WAITING, "--errors", "sandwich", "--json").stdout)
    asked = asked["uncertainty"]
    assert asked["method"] == "sandwich"
    waiting = emix.datasets.load("faithful")["waiting"]
    wanted = emix.uncertainty(waiting, emix.fit(waiting, 2), "sandwich")
    assert asked["means"]["se"] == wanted.means.tolist()
    text = run("fit", *WAITING, "--errors", "sandwich").stdout
    assert "Standard errors: from the sandwich" in text and "95% interval" in text
    assert text.count("±") == 3


def test_a_fit_begins_at_numbers(run: Emix) -> None:
    words = ("fit", "faithful", "--columns", "waiting", "-k", "2", "--json")
    start = ("--start-means", "50,60", "--start-sds", "5,5", "--start-weights", ".3,.7")
    found = json.loads(run(*words, *start).stdout)
    begun = emix.Mixture.univariate([0.3, 0.7], [50.0, 60.0], [5.0, 5.0])
    expected = emix.fit(emix.datasets.load("faithful")["waiting"], 2, start=begun)
    assert found["loglik"] == expected.loglik
    assert found["mixture"]["means"] == expected.mixture.means.tolist()
    assert len(found["optima"]) == 1


def test_a_start_in_numbers_that_contradicts_is_refused(run: Emix) -> None:
    words = ("fit", "faithful", "--columns", "waiting", "-k", "2")
    assert "give one" in run(*words, "--start-means", "1,2", "--start", "kmeans", code=2).stderr
    assert "expected 2" in run(*words, "--start-means", "1,2,3", code=2).stderr
    assert "go with --start-means" in run(*words, "--start-sds", "1,2", code=2).stderr
    several = ("fit", "faithful", "-k", "2", "--start-means", "1,2")
    assert "of one column" in run(*several, code=2).stderr
    grouped = ("fit", "iris", "--by", "label", "-k", "2", "--start-means", "1,2")
    assert "--start-means is for one fit" in run(*grouped, code=2).stderr
