"""`emix info`, and what every command owes to `--help`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import Result

import emix
from emix import kernels
from emix.cli import main
from emix.cli.exits import Exit
from emix.covariance import ALIASES, STRUCTURES
from emix.initialise import STARTS, STARTS_OF_ROWS

Emix = Callable[..., Result]


def test_info_says_what_computes(run: Emix, one_object: Any) -> None:
    plain = one_object(run("info", "--json").stdout)
    assert plain["version"] == emix.__version__
    assert plain["kernel"] == ("portable" if kernels.NATIVE is None else "native")
    assert plain["threads"] == kernels.available_threads()
    assert set(plain) >= {"python", "numpy", "instruction_set", "instruction_sets", "extras",
                          "licence"}
    text = run("info").stdout
    assert emix.__version__ in text and plain["kernel"] in text and plain["licence"] in text


def test_info_says_why_the_kernel_is_portable(program: Callable[..., Any]) -> None:
    process = program("info", environment={"EMIX_KERNEL": "portable"})
    text = process.communicate()[0].decode()
    assert "portable" in text and "EMIX_KERNEL" in text
    assert "C++17" in text and "slower" in text


def test_version(run: Emix) -> None:
    assert emix.__version__ in run("--version").stdout


@pytest.mark.parametrize("name", main.commands)
def test_every_command_and_option_is_explained(run: Emix, name: str) -> None:
    command = main.commands[name]
    text = run(name, "--help").stdout
    assert command.help and "Example" in command.help and f"emix {name}" in text
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"emix {name} {parameter.opts[0]} has no help"
            assert max(parameter.opts, key=len) in text
        else:
            assert parameter.make_metavar(click.Context(command)) in text


def examples() -> list[str]:
    """Lines of help that start with `emix` and need no file."""
    lines = [line.strip() for command in main.commands.values()
             for line in (command.help or "").splitlines()]
    own = [line for line in lines if line.startswith("emix ") and "|" not in line]
    # The studio stays until Ctrl-C: tests/studio/test_serving.py.
    return [line for line in own if not line.startswith("emix studio")
            if any(source in line for source in emix.datasets.names()) or "info" in line]


@pytest.mark.parametrize("line", examples())
def test_examples_run(run: Emix, line: str) -> None:
    run(*shlex.split(line)[1:])


def test_there_are_examples_to_run() -> None:
    assert len(examples()) >= 3


def test_the_lists_in_help_are_complete(run: Emix) -> None:
    text = run("--help").stdout
    for name in (*emix.datasets.names(), *main.commands):
        assert name in text
    for code in Exit:
        assert str(code.value) in text
    for name in ("fit", "steps"):
        options = {p.name: p for p in main.commands[name].params if isinstance(p, click.Option)}
        start, covariance = (options[each].help or "" for each in ("start", "covariance"))
        assert all(kind in start for kind in (*STARTS, *STARTS_OF_ROWS))
        assert all(structure in covariance for structure in (*STRUCTURES, *ALIASES))
