"""Running `emix` in this process, and as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import emix
from emix.cli import main

Emix = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emix:
    """The command line in a folder of its own; a traceback fails the test."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, stdin: str | bytes | None = None, code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(words), input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            result.exception
        )
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def program() -> Callable[..., subprocess.Popen[bytes]]:
    """Start `python -m emix.cli` for real; `environment` is added to this process's own."""
    here = str(Path(emix.__file__).parent.parent)

    def start(*words: str, **options: Any) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": here, **options.pop("environment", {})}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(
            [sys.executable, "-m", "emix.cli", *words], env=environment, **pipes
        )

    return start


def one_object(text: str) -> Any:
    """The one JSON object that a text is: strict, so NaN and Infinity are refused."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    assert text.endswith("\n") and text.count("\n") == 1
    parsed = json.loads(text, parse_constant=refuse)
    assert isinstance(parsed, dict)
    return parsed


@pytest.fixture(name="one_object")
def one_object_fixture() -> Callable[[str], Any]:
    return one_object


@pytest.fixture
def model(run: Emix, tmp_path: Path) -> Path:
    """A saved fit of two components to Old Faithful's waiting times."""
    path = tmp_path / "m.json"
    run("fit", "faithful", "--columns", "waiting", "-k", "2", "--save", str(path))
    return path
