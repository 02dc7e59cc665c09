"""`emix fit --by`: one row for each group to standard output, words to standard error."""

from __future__ import annotations

import csv
import io
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import emix
from emix.cli.groups import GroupsLine
from emix.many.fit_many import GroupsProgress

Emix = Callable[..., Result]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def write(path: Path, groups: dict[str, list[float]]) -> None:
    lines = [f"{i},{name},{x!r}" for name, values in groups.items() for i, x in enumerate(values)]
    path.write_text("id,gene,x\n" + "\n".join(lines) + "\n")


def two(seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return [*rng.normal(0, 1, 30).tolist(), *rng.normal(6, 1, 30).tolist()]


def test_one_csv_row_for_each_group(run: Emix, tmp_path: Path) -> None:
    groups = {"BRCA1": two(0), "TP53": two(1)}
    write(tmp_path / "d.csv", groups)
    result = run("fit", "d.csv", "--by", "gene", "--columns", "x", "-k", "2")
    rows = rows_of(result.stdout)
    assert [row["gene"] for row in rows] == list(groups) and result.stderr == ""
    for row, x in zip(rows, groups.values(), strict=True):
        fit = emix.fit(x, 2)
        assert float(row["loglik"]) == fit.loglik and float(row["bic"]) == fit.bic
        assert float(row["mean_2"]) == fit.mixture.means[1, 0]
        assert (row["outcome"], row["message"], row["n"]) == ("converged", "", "60.0")


def test_json_is_one_object(run: Emix, one_object: Any, tmp_path: Path) -> None:
    write(tmp_path / "d.csv", {"a": two(0), "b": [1.0, 1.0]})
    result = run("fit", "d.csv", "--by", "gene", "--columns", "x", "-k", "2", "--json", code=3)
    plain = one_object(result.stdout)
    assert (plain["k"], plain["covariance"], plain["columns"], plain["df"]) == (2, "V", ["x"], 5)
    first, second = plain["groups"]
    assert first["gene"] == "a" and first["loglik"] == emix.fit(two(0), 2).loglik
    assert second["loglik"] is None and second["outcome"] == "failed"
    assert "constant" in second["message"] and plain["warnings"]


def test_a_group_that_fails_is_named_and_stops_no_other(run: Emix, tmp_path: Path) -> None:
    write(tmp_path / "d.csv", {"a": two(0), "flat": [2.0] * 5})
    result = run("fit", "d.csv", "--by", "gene", "--columns", "x", "-k", "2", code=3)
    rows = rows_of(result.stdout)
    assert rows[0]["outcome"] == "converged" and rows[1]["outcome"] == "failed"
    assert rows[1]["loglik"] == "" and "constant" in rows[1]["message"]
    assert "warning: 1 of 2 groups could not be fitted: 'flat'" in result.stderr


def test_exit_codes_of_what_did_not_converge_and_of_nothing_fitted(
    run: Emix, tmp_path: Path
) -> None:
    write(tmp_path / "d.csv", {"a": two(0)})
    words = ("fit", "d.csv", "--by", "gene", "--columns", "x", "-k", "2")
    result = run(*words, "--max-iter", "1", "--tol", "0", code=4)
    assert rows_of(result.stdout)[0]["outcome"] == "not converged"
    write(tmp_path / "d.csv", {"flat": [2.0] * 5})
    result = run(*words, code=3)
    assert result.stdout == "" and "no group could be fitted" in result.stderr


def test_standard_input_several_columns_and_a_data_set(run: Emix) -> None:
    text = "g,a,b\n" + "".join(f"{i % 2},{i * i % 7},{i}\n" for i in range(40))
    rows = rows_of(run("fit", "-", "--by", "g", "-k", "1", stdin=text).stdout)
    assert [row["g"] for row in rows] == ["0", "1"]
    assert {"mean_1_a", "mean_1_b", "sd_1_a", "correlation_1_a_b"} <= set(rows[0])
    words = ("fit", "iris", "--by", "label", "--columns", "Petal_Length", "-k", "1")
    rows = rows_of(run(*words).stdout)
    assert [row["label"] for row in rows] == ["setosa", "versicolor", "virginica"]
    assert float(rows[0]["mean_1"]) == pytest.approx(1.462)


def test_weights_and_options_are_those_of_fit(run: Emix, tmp_path: Path) -> None:
    x = two(3)
    lines = [f"a,{value!r},{1 + i % 2}" for i, value in enumerate(x)]
    (tmp_path / "d.csv").write_text("g,x,w\n" + "\n".join(lines) + "\n")
    result = run("fit", "d.csv", "--by", "g", "-k", "2", "--weight-column", "w", "--covariance",
                 "tied", "--equal-weights", "--seed", "3", "--n-starts", "2", "--threads", "1")
    wanted = emix.fit(x, 2, covariance="tied", weights="equal", seed=3, n_starts=2,
                      sample_weight=[1.0 + i % 2 for i in range(len(x))])
    assert float(rows_of(result.stdout)[0]["loglik"]) == wanted.loglik


@pytest.mark.parametrize(("words", "code", "message"), [
    (("--save", "m.json"), 2, "--save is for one fit"),
    (("--plot", "p.png"), 2, "--plot is for one fit"),
    (("--kmeans",), 2, "--kmeans is for one fit"),
    (("--by", "height"), 3, "height"),
    (("--start", "best"), 2, "best"),
])
def test_what_has_no_meaning_is_refused(
    run: Emix, tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    write(tmp_path / "d.csv", {"a": two(0)})
    result = run("fit", "d.csv", "--by", "gene", "--columns", "x", "-k", "2", *words, code=code)
    assert message in result.stderr and result.stdout == ""


def test_no_such_file(run: Emix) -> None:
    assert "no such file" in run("fit", "nowhere.csv", "--by", "g", "-k", "2", code=3).stderr


def test_ctrl_c_prints_what_is_done(
    run: Emix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emix.many.fit_many.GROUPS_AT_A_TIME", 1)
    monkeypatch.setattr("emix.many.fit_many.SHARES", 3)
    monkeypatch.setattr(GroupsLine, "__call__", lambda _, news: signal.raise_signal(signal.SIGINT))
    write(tmp_path / "d.csv", {"a": two(0), "b": two(1), "c": two(2)})
    with warnings.catch_warnings():
        result = run("fit", "d.csv", "--by", "gene", "--columns", "x", "-k", "1", "--threads", "1",
                     code=130)
    rows = rows_of(result.stdout)
    assert [row["outcome"] for row in rows] == ["converged", "failed", "failed"]
    assert "interrupted: 2 of 3 groups" in result.stderr


def test_progress_is_one_line_of_words() -> None:
    assert GroupsLine().words(GroupsProgress(3, 12)) == "3 of 12 groups"
