"""How `emix` fails: the exit code, a message that says what and where, and nothing damaged."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result

import emix
from emix.cli.output import ProgressLine, as_json, printable

Emix = Callable[..., Result]
WAITING = ("faithful", "--columns", "waiting", "-k", "2")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and devices")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("-k", "0"), "k=0"),
        (("-k", "-2"), "k=-2"),
        (("-k", "two"), "-k"),
        ((), "-k"),
        (("-k", "2", "--covariance", "Q"), "Q"),
        (("-k", "2", "--weights", ".2,.2"), "0.4"),
        (("-k", "2", "--weights", ".2"), "weights"),
        (("-k", "2", "--weights", ".2,-.2"), "-0.2"),
        (("-k", "2", "--weights", ".2,much"), "much"),
        (("-k", "2", "--weights", ".5,.5", "--equal-weights"), "--equal-weights"),
        (("-k", "2", "--sd", "1", "--sds", "1,2"), "--sds"),
        (("-k", "2", "--sd", "0"), "sds"),
        (("-k", "2", "--means", "1,inf"), "means"),
        (("-k", "2", "--means", "1_0,2"), "1_0"),
        (("-k", "2", "--prior-mean", "3"), "--prior-sd"),
        (("-k", "2", "--prior-mean", "3,4", "--prior-sd", "1"), "NormalPrior"),
        (("-k", "2", "--prior", "flat"), "conjugate"),
        (("-k", "2", "--prior", "conjugate", "--prior-sd", "1"), "prior"),
        (("-k", "2", "--prior-sd", "-1"), "NormalPrior"),
        (("-k", "2", "--dirichlet", "0.5"), "concentration"),
        (("-k", "2", "--start", "nowhere"), "nowhere"),
        (("-k", "2", "--n-starts", "0"), "--n-starts"),
        (("-k", "2", "--tol", "-1"), "tol"),
        (("-k", "2", "--seed", "-1"), "--seed"),
        (("-k", "2", "--threads", "0"), "--threads"),
        (("-k", "2", "--plot", "p.bmp"), ".bmp"),
        (("-k", "2", "--no-such-option"), "--no-such-option"),
        (("-k", "2", "--columns", ","), "--columns"),
    ],
)
def test_usage_is_2(run: Emix, options: tuple[str, ...], named: str) -> None:
    columns = () if "--columns" in options else ("--columns", "waiting")
    result = run("fit", "faithful", *columns, *options, code=2)
    assert named in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"x\n1\ntwo\n", "t.csv:3:1"),
        (b"x\r\n1\r\ntwo\r\n", "t.csv:3:1"),
        (b"x\n1\nnan\n", "t.csv:3:1"),
        (b"x\n1\ninf\n", "t.csv:3:1"),
        (b"x\n1\n1,5\n", "t.csv:3"),
        (b"x\n1\n\n2\n", "t.csv:3"),
        (b"", "t.csv"),
        (b"x\n", "t.csv"),
        (b"x\n1\n\xe9\n", "t.csv:3:1"),
        (b"\xff\xfe1\x00", "UTF-16"),
        (b"x\n5\n5\n5\n", "constant"),
    ],
)
def test_data_is_3(run: Emix, tmp_path: Path, content: bytes, named: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    result = run("fit", "t.csv", "-k", "1", code=3)
    assert named in result.stderr
    assert result.stdout == ""


def test_data_that_is_not_there_is_3(run: Emix, tmp_path: Path) -> None:
    assert "none.csv" in run("fit", "none.csv", "-k", "1", code=3).stderr
    assert "faithful" in run("fit", "faithfull", "-k", "1", code=3).stderr
    assert "folder" in run("fit", str(tmp_path), "-k", "1", code=3).stderr
    unknown = run("fit", "faithful", "--columns", "duration", "-k", "1", code=3)
    assert "duration" in unknown.stderr and "waiting" in unknown.stderr
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    unknown = run("fit", "t.csv", "--columns", "c", "-k", "1", code=3)
    assert "'c'" in unknown.stderr and "'a', 'b'" in unknown.stderr
    assert "standard input:2:1" in run("fit", "-", "-k", "1", stdin="x\ny\n", code=3).stderr


@pytest.mark.parametrize("weights", ["-1\n2\n", "0\n0\n"])
def test_weights_that_cannot_be_are_3(run: Emix, weights: str) -> None:
    text = "x,w\n" + "".join(f"{i},{w}\n" for i, w in enumerate(weights.split()))
    run("fit", "-", "--columns", "x", "--weight-column", "w", "-k", "1", stdin=text, code=3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"version": ', '"version": 1000'),
        lambda text: text.replace('"emix mixture"', '"something else"'),
        lambda text: "[" * 100_000,
        lambda text: '{"a":' * 100_000,
        lambda text: text.replace("54.61", "NaN, 54.61", 1),
        lambda text: text.replace("54.61", "1e999, 54.61", 1),
    ],
    ids=["empty", "torn", "version", "format", "nested lists", "nested objects", "NaN", "huge"],
)
@pytest.mark.parametrize("command", ["show", "predict", "sample"])
def test_a_damaged_model_file_is_5(
    run: Emix, model: Path, command: str, damage: Callable[[str], str]
) -> None:
    model.write_text(damage(model.read_text()))
    rest = {"show": (), "predict": ("faithful",), "sample": ("-n", "3")}[command]
    began = time.monotonic()
    result = run(command, "m.json", *rest, code=5)
    assert "m.json" in result.stderr and result.stdout == ""
    assert time.monotonic() - began < 1


def test_a_model_file_that_is_none_is_5(run: Emix, tmp_path: Path) -> None:
    assert "none.json" in run("show", "none.json", code=5).stderr
    assert run("show", str(tmp_path), code=5).stderr
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(1 << 34)
    began = time.monotonic()
    assert "MB" in run("show", "huge.json", code=5).stderr
    assert time.monotonic() - began < 1


def test_what_cannot_be_written_is_1_before_the_work(
    run: Emix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emix, "fit", lambda *_, **__: pytest.fail("fitted all the same"))
    for option in ("--save", "--responsibilities"):
        nowhere = os.path.join("no", "such", "folder", "m.json")
        assert nowhere in run("fit", *WAITING, option, nowhere, code=1).stderr
        assert "folder" in run("fit", *WAITING, option, str(tmp_path), code=1).stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_no_permission_is_1(run: Emix, tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "m.json" in run("fit", *WAITING, "--save", "m.json", code=1).stderr
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_a_failing_rename_leaves_the_old_files(
    run: Emix, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, there = model.read_bytes(), sorted(tmp_path.iterdir())

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    result = run("fit", *WAITING, "--sd", "3", "--save", "m.json", code=1)
    assert "m.json" in result.stderr and "No space left" in result.stderr
    assert "log-likelihood" in result.stdout
    run("sample", "m.json", "-n", "3", "-o", "m.json", code=1)
    assert model.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == there


def test_control_c_is_130(run: Emix, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(emix, "fit", interrupt)
    run("fit", *WAITING, code=130)


@posix
def test_control_c_while_data_is_read(program: Callable[..., Any]) -> None:
    process = program("fit", "-", "-k", "2", stdin=-1)
    # More than a pipe holds: when it is written, the program has begun to read.
    process.stdin.write(b"1\n" * (1 << 17))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert out == b"" and b"Traceback" not in err


@posix
def test_a_reader_that_goes_away_is_no_matter(program: Callable[..., Any], model: Path) -> None:
    process = program("sample", str(model), "-n", "200000")
    assert process.stdout.readline() == b"waiting\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", [("fit", "teaching", "-k", "1"), ("--help",), ("info",)])
def test_a_full_disk_below_standard_output_is_1(
    program: Callable[..., Any], words: tuple[str, ...]
) -> None:
    with open("/dev/full", "wb") as full:
        process = program(*words, stdout=full)
        err = process.communicate()[1]
    assert process.returncode == 1
    assert b"No space left" in err and b"Traceback" not in err


def test_an_encoding_without_greek(program: Callable[..., Any]) -> None:
    process = program("steps", "teaching", "-k", "1", environment={"PYTHONIOENCODING": "latin-1"})
    out, err = process.communicate()
    assert process.returncode == 0 and err == b""
    assert b"\\u03c3" in out


def test_data_and_words_part(program: Callable[..., Any], tmp_path: Path) -> None:
    process = program("fit", "teaching", "-k", "1", "--json", "--save", str(tmp_path / "m.json"))
    out, err = process.communicate()
    assert process.returncode == 0
    assert json.loads(out)["k"] == 1
    assert b"m.json" in err
    process = program("fit", "none.csv", "-k", "1")
    out, err = process.communicate()
    assert process.returncode == 3 and out == b"" and b"none.csv" in err


def test_an_instruction_set_that_is_not_here_is_2(
    run: Emix, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> str:
        raise ValueError("EMIX_INSTRUCTION_SET is 'x86-64-v9'")

    monkeypatch.setattr("emix.kernels.instruction_set", refuse)
    monkeypatch.setenv("EMIX_INSTRUCTION_SET", "x86-64-v9")
    assert "x86-64-v9" in run("fit", *WAITING, code=2).stderr


def test_json_has_no_numbers_that_are_none() -> None:
    assert as_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": (-0.0, 3)}) == \
        '{"a": null, "b": [null, 1.5], "c": [-0.0, 3]}'


def test_names_are_printable() -> None:
    assert printable("wait\x1b[31m\n") == "wait\\x1b[31m\\n"
    assert printable("Größe (μm)") == "Größe (μm)"


class Terminal:
    def __init__(self, is_terminal: bool) -> None:
        self.text, self.is_terminal = "", is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_one_line_that_goes_away(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    terminal, clock = Terminal(is_terminal), [0.0]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("emix.cli.output.time", SimpleNamespace(monotonic=lambda: clock[0]))
    line = ProgressLine()
    for step in range(40):
        clock[0] = 0.05 * step
        line(emix_progress(step))
        if clock[0] < 1:
            assert terminal.text == ""
    line.erase()
    assert "\n" not in terminal.text
    if is_terminal:
        *_, last_but_one, last = terminal.text.split("\r")
        assert "step" in terminal.text and last_but_one.strip() == "" and last == ""
    else:
        assert terminal.text == ""


def emix_progress(step: int) -> Any:
    from emix.climbing.climb import Progress

    return Progress(run=1, n_runs=3, iteration=step, objective=-5.0, gradient=10.0**-step)
