"""The command line on Parquet, folders, patterns, and rows that are not in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import emix
from emix.cli.output import ProgressLine
from emix.sources import opening, protocol
from emix.sources.reading import Reading

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

Emix = Callable[..., Result]
X = np.concatenate([np.random.default_rng(0).normal(size=(400, 2)),
                    np.random.default_rng(1).normal(5, 2, size=(400, 2))])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of two files, with the same rows as `X`."""
    folder = tmp_path / "data"
    folder.mkdir()
    for number, part in enumerate((X[:500], X[500:])):
        columns = {"a": part[:, 0], "t": ["x"] * len(part), "b": part[:, 1],
                   "w": np.full(len(part), 2.0)}
        parquet.write_table(pyarrow.table(columns), folder / f"{number}.parquet")
    return folder


@pytest.fixture
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "IN_MEMORY", 0)
    monkeypatch.setattr(protocol, "BLOCK_NUMBERS", 600)
    monkeypatch.setattr(protocol, "LEAST_ROWS", 300)
    monkeypatch.setattr(protocol, "GRANULE", 1)


@pytest.mark.parametrize("source", ["data", "data/*.parquet"])
def test_a_folder_and_a_pattern(run: Emix, data: Path, source: str) -> None:
    result = run("fit", source, "-k", "2", "--columns", "a,b", "--json")
    assert json.loads(result.stdout)["loglik"] == emix.fit(X, 2).loglik
    for command in ("select", "steps"):
        assert run(command, source, "-k", "2", "--columns", "a").exit_code == 0


def test_rows_that_are_not_in_memory(run: Emix, data: Path, nothing_held: None) -> None:
    words = ("fit", "data", "-k", "2", "--columns", "a,b", "--weight-column", "w", "--json")
    found = json.loads(run(*words, "--responsibilities", "r.csv", "--errors", "sandwich",
                           "--save", "m.json").stdout)
    fit = emix.fit(X, 2, sample_weight=np.full(800, 2.0))
    assert found["loglik"] == fit.loglik and found["n"] == 1600
    rows = list(csv.reader(Path("r.csv").read_text().splitlines()))[1:]
    assert [int(row[0]) - 1 for row in rows] == fit.predict(X).tolist()
    np.testing.assert_array_equal(np.array(rows, float)[:, 1:], fit.responsibilities(X))
    chosen = run("select", "data", "-k", "1-2", "--columns", "a,b", "--covariance", "VVV", "--json")
    assert json.loads(chosen.stdout)["best"]["k"] == 2
    labels = run("predict", "m.json", "data/*.parquet").stdout.split()[1:]
    assert [int(label) - 1 for label in labels] == fit.predict(X).tolist()


def test_pictures_are_of_a_sample(run: Emix, data: Path, nothing_held: None,
                                  monkeypatch: pytest.MonkeyPatch) -> None:
    from emix.cli import inputs

    monkeypatch.setattr(inputs, "SHOWN", 100)
    result = run("fit", "data", "-k", "2", "--columns", "a", "--plot", "p.png")
    assert "a sample of 100 of 800 rows" in result.stderr and Path("p.png").exists()


@pytest.mark.parametrize("words", [
    ("fit", "data", "-k", "2", "--columns", "a", "--kmeans"),
    ("fit", "data", "-k", "2", "--columns", "a", "--report", "r.html"),
    ("select", "data", "-k", "2", "--columns", "a", "--folds", "5"),
    ("steps", "data", "-k", "2", "--columns", "a"),
])
def test_what_needs_rows_in_memory_says_so(
    run: Emix, data: Path, nothing_held: None, words: tuple[str, ...]
) -> None:
    result = run(*words, code=3)
    assert "800 rows of 1 columns, more than the" in result.stderr and not result.stdout


def test_refusals(run: Emix, data: Path) -> None:
    assert "no file matches" in run("fit", "data/*.csv", "-k", "2", code=3).stderr
    assert "no such file" in run("fit", "none.parquet", "-k", "2", code=3).stderr
    assert "'t' (string)" in run("fit", "data", "-k", "2", code=3).stderr


def test_the_line_about_a_pass() -> None:
    line = ProgressLine()
    step = SimpleNamespace(run=1, n_runs=3, iteration=7, gradient=0.5)
    assert line.words(step) == "climb 1 of 3, step 7, gradient 5.0e-01"
    step.reading = Reading(250_000, 1_000_000, 32, 2.0)
    assert line.words(step) == ("climb 1 of 3, step 7, gradient 5.0e-01, 250,000 of 1,000,000 rows "
                                "(4 MiB/s, 6 s left)")
    first: Any = SimpleNamespace(run=0, n_runs=0, iteration=0, gradient=float("nan"),
                                 reading=Reading(1 << 20, None, 8, 2.0))
    assert line.words(first) == "1,048,576 rows (4 MiB/s)"
