"""`emix show`, `predict` and `sample`: what a saved model is good for."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import emix
from emix.mixture import modelfile

Emix = Callable[..., Result]


def table(text: str) -> tuple[list[str], list[list[float]]]:
    header, *rows = csv.reader(text.splitlines())
    return header, [[float(cell) for cell in row] for row in rows]


def test_save_show_predict_sample_keep_every_bit(
    run: Emix, one_object: Any, model: Path
) -> None:
    x = emix.datasets.load("faithful")["waiting"]
    found = emix.fit(x, 2)
    loaded, about = modelfile.read(model)
    assert loaded == found.mixture
    assert about["columns"] == ["waiting"] and about["n"] == 272
    assert about["loglik"] == found.loglik and about["seed"] == 0
    assert "-k 2" in about["command"]
    shown = one_object(run("show", str(model), "--json").stdout)
    assert shown["mixture"] == found.mixture.to_dict()
    header, rows = table(run("predict", str(model), "faithful", "--responsibilities").stdout)
    assert header == ["label", "p1", "p2", "logpdf"]
    cells = np.array(rows)
    assert np.array_equal(cells[:, 0] - 1, found.predict(x))
    assert np.array_equal(cells[:, 1:3], found.responsibilities(x))
    assert np.array_equal(cells[:, 3], found.mixture.logpdf(x))
    header, rows = table(run("sample", str(model), "-n", "50", "--seed", "3", "--labels").stdout)
    drawn, components = found.mixture.sample(50, 3)
    assert header == ["waiting", "label"]
    assert rows == [[a, b + 1] for a, b in zip(drawn.tolist(), components.tolist(), strict=True)]


def test_show_is_for_people(run: Emix, model: Path) -> None:
    text = run("show", str(model)).stdout
    for shown in ("54.6149", "80.0911", "waiting", "272", "emix fit"):
        assert shown in text


def test_what_is_written_into_a_model_file_does_not_drive_the_terminal(
    run: Emix, model: Path
) -> None:
    content = json.loads(model.read_text())
    content["about"] = {"columns": ["\x1b[2J"], "evil\x1b]0;": "\x1b[31m", "n": [["\x1b"]]}
    model.write_text(json.dumps(content))
    assert "\x1b" not in run("show", str(model)).output


@pytest.mark.parametrize("columns", [None, 5, ["a", "b"], [""], [3], ["\ud800"]])
def test_a_model_file_that_misnames_its_columns_still_serves(
    run: Emix, model: Path, columns: object
) -> None:
    content = json.loads(model.read_text())
    content["about"]["columns"] = columns
    model.write_text(json.dumps(content))
    assert run("sample", str(model), "-n", "1").stdout.startswith("x\n")
    assert run("predict", str(model), "-", stdin="50\n90\n").stdout == "label\n1\n2\n"


def test_predict_finds_the_column_it_was_fitted_to(run: Emix, model: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("place,waiting,other\nhere,50,90\nthere,90,50\n")
    (tmp_path / "o.csv").write_text("a,b\n50,90\n")
    (tmp_path / "one.csv").write_text("pause\n90\n")
    name = str(model)
    assert run("predict", name, "t.csv").stdout == "label\n1\n2\n"
    assert run("predict", name, "t.csv", "--columns", "other").stdout == "label\n2\n1\n"
    only = run("predict", name, "one.csv")
    assert only.stdout == "label\n2\n" and "pause" in only.stderr
    unknown = run("predict", name, "o.csv", code=3)
    assert "waiting" in unknown.stderr and "'a', 'b'" in unknown.stderr
    assert "columns" in run("predict", name, "o.csv", "--columns", "a,b", code=3).stderr


def test_a_bad_cell_in_the_column_is_named(run: Emix, model: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("place,waiting\nhere,50\nthere,soon\n")
    assert "t.csv:3:2" in run("predict", str(model), "t.csv", code=3).stderr


def test_output_goes_to_a_file(run: Emix, model: Path, tmp_path: Path) -> None:
    to_file = run("sample", str(model), "-n", "5", "-o", "s.csv")
    assert to_file.stdout == "" and "s.csv" in to_file.stderr
    assert (tmp_path / "s.csv").read_text() == run("sample", str(model), "-n", "5").stdout
    run("predict", str(model), "s.csv", "-o", "p.csv")
    assert (tmp_path / "p.csv").read_text() == run("predict", str(model), "s.csv").stdout
    dash = run("predict", str(model), "s.csv", "-o", "-")
    assert dash.stdout == run("predict", str(model), "s.csv").stdout


def test_samples_go_through_a_pipe(run: Emix, one_object: Any, model: Path) -> None:
    drawn = run("sample", str(model), "-n", "2000", "--seed", "7").stdout
    plain = one_object(run("fit", "-", "-k", "2", "--json", stdin=drawn).stdout)
    assert plain["columns"] == ["waiting"] and plain["n"] == 2000
    assert np.ravel(plain["mixture"]["means"]) == pytest.approx([54.6, 80.1], abs=1.5)
    assert run("sample", str(model), "-n", "0").stdout == "waiting\n"


def test_long_tables_come_whole(run: Emix, model: Path) -> None:
    drawn = run("sample", str(model), "-n", "10000").stdout
    assert drawn.count("\n") == 10001
    assert run("predict", str(model), "-", stdin=drawn).stdout.count("\n") == 10001


def test_a_model_in_two_columns(run: Emix, tmp_path: Path) -> None:
    mixture = emix.Mixture(
        [0.5, 0.5], [[0.0, 0.0], [9.0, 9.0]], [[[1.0, 0.5], [0.5, 1.0]]] * 2
    )
    modelfile.save(mixture, tmp_path / "two.json", columns=["a", "b"])
    assert "component 2" in run("show", "two.json").stdout
    drawn = run("sample", "two.json", "-n", "3").stdout
    assert drawn.startswith("a,b\n")
    answer = run("predict", "two.json", "-", "--responsibilities", stdin="b,a\n0,0\n9,9\n").stdout
    header, rows = table(answer)
    assert header == ["label", "p1", "p2", "logpdf"] and [row[0] for row in rows] == [1, 2]
