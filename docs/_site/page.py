"""A page that runs: its code in order, in one namespace, as a reader would type it.

Sphinx's directives and the tests both run pages through here, so neither can part from the other.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Shown:
    """What code printed (warnings among it), and the value of its last line; None for nothing."""

    text: str
    value: Any = None
    warned: tuple[str, ...] = ()

    @property
    def is_picture(self) -> bool:
        return hasattr(self.value, "figure") and hasattr(self.value.figure, "savefig")

    @property
    def output(self) -> str:
        """The text below the code, as a notebook has it."""
        if self.value is None or self.is_picture:
            return self.text
        return f"{self.text}{self.value!r}\n"


@dataclass
class Page:
    """The namespace and the working directory of a page's code."""

    name: str
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__page__"})
    folder: str = field(default_factory=lambda: tempfile.mkdtemp(prefix="page-"))

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def run(self, code: str) -> Shown:
        """Run a block; where its last line is an expression, that is the value shown."""
        tree = ast.parse(code, self.name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        printed, value = io.StringIO(), None
        with self._inside(), warnings.catch_warnings(record=True) as caught, \
                contextlib.redirect_stdout(printed):
            warnings.simplefilter("always")
            exec(compile(tree, self.name, "exec"), self.names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), self.name, "eval"), self.names)
        warned = tuple(each.category.__name__ for each in caught)
        said = "".join(f"{each.category.__name__}: {each.message}\n" for each in caught)
        return Shown(said + printed.getvalue(), value, warned)

    def command(self, line: str) -> Shown:
        """Run an `emix` command; the value is its exit code where that is not 0."""
        from click.testing import CliRunner

        from emix.cli import main

        program, *arguments = shlex.split(line)
        if program != "emix":
            raise ValueError(f"{self.name}: {line!r} is no emix command")
        with self._inside():
            result = CliRunner().invoke(main, arguments, prog_name="emix")
        return Shown(result.output, result.exit_code or None)

    def number(self, expression: str) -> str:
        """`value:format` as an f-string has it, with a proper minus sign.

        >>> Page("here", {"x": -2.0}).number("x:.2f")
        '−2.00'
        """
        text = eval(f'f"""{{{expression}}}"""', self.names)
        return re.sub(r"^-(?=[\d.])", "−", text)

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        here = Path.cwd()
        os.chdir(self.folder)
        try:
            yield
        finally:
            os.chdir(here)


@dataclass(frozen=True)
class Part:
    """A piece of a page that is run: kind ("run", "command", "python", "sh", "console", "n"), its
    options, its text, and the ```text block that stands right below it, if any."""

    kind: str
    options: dict[str, str]
    text: str
    below: str | None = None


FENCE = re.compile(
    r"^```(?:\{(?P<directive>run|command)\}|(?P<language>python|sh|console))[^\n]*\n(?P<body>.*?)^```$"
    r"(?:\n+```text\n(?P<below>.*?)^```$)?|(?<!`)\{n\}`(?P<number>[^`]+)`",
    re.M | re.S,
)
OPTION = re.compile(r"^:([a-z-]+):[ ]*(.*)$")


def parts(text: str) -> Iterator[Part]:
    """What runs on a page, in the order in which it stands there."""
    for match in FENCE.finditer(text):
        if match["number"]:
            yield Part("n", {}, match["number"])
            continue
        lines, options = match["body"].splitlines(), {}
        while match["directive"] and lines and (option := OPTION.match(lines[0])):
            options[option[1]] = option[2]
            lines.pop(0)
        kind = match["directive"] or match["language"]
        yield Part(kind, options, "\n".join(lines).strip("\n") + "\n", match["below"])
