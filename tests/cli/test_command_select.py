"""`emix select`: the report, the object, the files, and what is refused."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import emix
from emix.cli.select import SelectionLine
from emix.kernels import NATIVE
from emix.selection.contest import SelectionProgress

Emix = Callable[..., Result]
FEW = ("-k", "1-3", "--covariance", "VVV,EEE")

pytestmark = pytest.mark.skipif(NATIVE is None, reason="native kernel not built: minutes without")


def choice(**arguments: Any) -> emix.Selection:
    arguments = {"ks": [1, 2, 3], "covariances": ["VVV", "EEE"], **arguments}
    return emix.select(emix.datasets.load("faithful"), **arguments)


def test_the_report_is_the_selections_own_with_the_units_of_the_data(run: Emix) -> None:
    result = run("select", "faithful", *FEW)
    found = choice()
    titles = ("eruptions (minutes)", "waiting (minutes)")
    best = dataclasses.replace(found.best, columns=titles)
    assert result.stdout == dataclasses.replace(found, best=best, columns=titles).report() + "\n"
    assert result.stderr == ""


def test_json_is_one_object_with_the_numbers_of_select(run: Emix, one_object: Any) -> None:
    plain = one_object(run("select", "faithful", *FEW, "--json").stdout)
    found = choice()
    assert plain == found.to_dict()
    assert set(plain) >= {"n", "columns", "criterion", "k", "covariance", "top", "table", "best"}
    assert plain["best"]["mixture"] == found.best.mixture.to_dict()


@pytest.mark.parametrize(("options", "arguments"), [
    (("--criterion", "icl"), {"criterion": "icl"}),
    (("--criterion", "heldout", "--folds", "3"), {"criterion": "heldout", "folds": 3}),
    (("--folds", "2"), {"folds": 2}),
    (("--equal-weights",), {"weights": "equal"}),
    (("--prior", "conjugate"), {"prior": "conjugate"}),
    (("--seed", "5", "--threads", "1", "--tol", "1e-6"), {"seed": 5, "threads": 1, "tol": 1e-6}),
    (("-k", "3,1"), {"ks": [1, 3]}),
    (("-k", "1-2,3"), {"ks": [1, 2, 3]}),
    (("--covariance", "tied, full"), {"covariances": ["tied", "full"]}),
])
def test_options_are_the_arguments_of_select(
    run: Emix, one_object: Any, options: tuple[str, ...], arguments: dict[str, Any]
) -> None:
    plain = one_object(run("select", "faithful", *FEW, *options, "--json").stdout)
    assert plain == choice(**arguments).to_dict()


def test_columns_and_weights_are_chosen_by_name(run: Emix, one_object: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=60), rng.integers(0, 3, 60)])
    path = tmp_path / "d.csv"
    path.write_text("a,w\n" + "".join(f"{a!r},{int(w)}\n" for a, w in rows.tolist()))
    plain = one_object(run("select", "d.csv", "-k", "1-2", "--weight-column", "w",
                           "--columns", "a", "--json").stdout)
    assert plain["n"] == int(rows[:, 1].sum()) and plain["columns"] == ["a"]
    found = emix.select(rows[:, 0], [1, 2], sample_weight=rows[:, 1])
    assert plain["table"] == found.to_dict()["table"]


def test_the_best_is_saved_and_can_be_used(run: Emix, tmp_path: Path) -> None:
    result = run("select", "faithful", *FEW, "--save", "best.json")
    assert "wrote best.json" in result.stderr
    saved = emix.load(tmp_path / "best.json")
    assert saved == choice().best.mixture
    assert "eruptions" in run("show", "best.json").stdout
    assert len(run("predict", "best.json", "faithful").stdout.splitlines()) == 273


def test_the_picture_is_drawn(run: Emix, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run("select", "faithful", *FEW, "--plot", "bic.png")
    assert (tmp_path / "bic.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("words", "code", "message"), [
    (("-k", "0-3"), 2, "expected numbers of components, such as 1-9"),
    (("-k", "3-1"), 2, "expected numbers of components"),
    (("-k", "1-99999999"), 2, "expected numbers of components"),
    (("-k", "two"), 2, "expected numbers of components"),
    (("--covariance", "EEE,round"), 2, "covariance='round'"),
    (("--criterion", "mdl"), 2, "mdl"),
    (("--folds", "1"), 2, "--folds"),
    (("--plot", "bic.txt"), 2, "a picture ends in"),
    (("--save", "nowhere/best.json"), 1, "there is no folder"),
    (("--columns", "height"), 3, "height"),
])
def test_what_has_no_meaning_is_refused(
    run: Emix, words: tuple[str, ...], code: int, message: str
) -> None:
    result = run("select", "faithful", *words, code=code)
    assert message in result.stderr and result.stdout == ""


def test_nothing_sound_is_an_error_of_the_data(run: Emix) -> None:
    result = run("select", "-", "-k", "5", "--covariance", "VVV", stdin="a,b\n0,1\n1,0\n2,2.5\n",
                 code=3)
    assert "needs more points" in result.stderr


def test_the_exit_code_says_that_the_best_did_not_converge(run: Emix) -> None:
    result = run("select", "faithful", "-k", "3", "--covariance", "EEE", "--tol", "0", code=4)
    assert "not converged" in result.stdout


def test_ctrl_c_prints_the_best_so_far(run: Emix, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: SelectionLine, progress: Any) -> None:
        if progress.done == 5:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(SelectionLine, "__call__", interrupt)
    result = run("select", "faithful", "--threads", "2", code=130)
    assert "STOPPED EARLY" in result.stdout and "The best, as fitted" in result.stdout


def test_progress_is_one_line_of_words() -> None:
    news = SelectionProgress("held out", "VVE", 3, 17, 126)
    assert SelectionLine().words(news) == "held out: VVE with k = 3, 17 of 126 done"


def test_likelihood_ratio_tests_stand_in_the_table(run: Emix, one_object: Any) -> None:
    arguments = ("faithful", "--columns", "waiting", "-k", "1-3", "--covariance", "E",
                 "--lrt", "49")
    text = run("select", *arguments).stdout
    assert "p-value, k against k + 1" in text and "EM-test of 1 component against 2" in text
    tests = one_object(run("select", *arguments, "--json").stdout)["tests"]
    assert tests["k"] == 2 and tests["tests"][0]["p_value"] == 0.02
    assert "x>=19" in run("select", "faithful", "--lrt", "5", code=2).stderr
