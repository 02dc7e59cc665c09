"""`{run}`, `{command}`, `{every-command}`, `{n}`: code whose results the page shows."""

from __future__ import annotations

import hashlib
import html
import textwrap
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole

from _site.page import Page, Shown

ELLIPSIS = "…"
# Characters in a line of code, on a wide screen.
WIDTH = 82


def page_of(environment: Any) -> Page:
    """The page that is being read; its names last as long as that."""
    key = "emix-page"
    if key not in environment.temp_data:
        environment.temp_data[key] = Page(environment.docname)
    page: Page = environment.temp_data[key]
    return page


class Run(SphinxDirective):
    """Python: the code, what it prints, and its last line's value, of which an Axes is a picture.

    `:hide:` shows the results alone; `:alt:` describes the picture, and is not optional; `:warns:`
    names the warnings that it is there to show, others fail the build; `:wrap:` folds long lines of
    what is printed.
    """

    has_content = True
    option_spec: ClassVar = {
        "hide": directives.flag, "alt": directives.unchanged, "warns": directives.unchanged,
        "wrap": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        shown = page_of(self.env).run(code)
        unexpected = set(shown.warned) - set(self.options.get("warns", "").split())
        if unexpected:
            raise self.error(f"{', '.join(unexpected)}: {shown.text}")
        found: list[nodes.Node] = []
        if "hide" not in self.options:
            found.append(literal(code, "python", "code"))
        if shown.output.strip():
            text = folded(shown.output) if "wrap" in self.options else shown.output
            found.append(literal(text, "text", "output"))
        if shown.is_picture:
            found.append(self._picture(shown))
        return found

    def _picture(self, shown: Shown) -> nodes.Node:
        if not self.options.get("alt"):
            raise self.error("a picture needs :alt:, for those who do not see it")
        content = drawn(shown.value.figure)
        page = self.env.docname.replace("/", "-")
        name = f"{page}-{hashlib.sha256(content).hexdigest()[:10]}.svg"
        folder = Path(self.env.app.outdir) / "_images"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        up = "../" * self.env.docname.count("/")
        alt = html.escape(self.options["alt"])
        image = f'<img src="{up}_images/{name}" alt="{alt}" loading="lazy">'
        return nodes.raw("", f'<p class="picture" tabindex="0">{image}</p>', format="html")


def drawn(figure: Any) -> bytes:
    """A figure as SVG, the same bytes each time."""
    import io

    import matplotlib

    target = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "emix", "svg.fonttype": "path"}):
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()


class Command(SphinxDirective):
    """`emix` commands, one a line, each with what it prints.

    `:lines: N` shows the first N lines only; `:exit: CODE` expects it to end otherwise than well.
    """

    has_content = True
    option_spec: ClassVar = {
        "lines": directives.positive_int, "exit": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        session = []
        for line in self.content:
            shown = page_of(self.env).command(line)
            if shown.value != self.options.get("exit"):
                raise self.error(f"{line} ended with {shown.value or 0}: {shown.text}")
            session.append(f"$ {line}\n{shortened(shown.text, self.options.get('lines'))}")
        return [literal("\n".join(session), "console", "session")]


class EveryCommand(SphinxDirective):
    """The help of every `emix` command there is, each under a heading of its own."""

    def run(self) -> list[nodes.Node]:
        from emix.cli import main

        found: list[nodes.Node] = []
        for name in main.commands:
            line = f"emix {name} --help"
            shown = page_of(self.env).command(line)
            if shown.value is not None:
                raise self.error(f"{line} ended with {shown.value}: {shown.text}")
            section = nodes.section(ids=[f"emix-{name}"], names=[f"emix {name}"])
            section += nodes.title("", f"emix {name}")
            section += literal(f"$ {line}\n{shown.text}", "console", "session")
            found.append(section)
        return found


def shortened(text: str, most: int | None) -> str:
    lines = text.splitlines()
    if most is not None and len(lines) > most:
        lines = [*lines[:most], ELLIPSIS]
    return "\n".join(lines) + "\n"


class Number(SphinxRole):
    """A value of the page's code in its text, with a format: {n}`fit.loglik:.2f`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        try:
            text = page_of(self.env).number(self.text)
        except Exception as reason:
            raise ExtensionError(f"{self.env.docname}: {{n}}`{self.text}`: {reason}") from reason
        return [nodes.inline("", text, classes=["number"])], []


def folded(text: str) -> str:
    """With long lines folded, under the first word of an item."""
    return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  " * line.startswith("- "))
                     for line in text.splitlines()) + "\n"


def literal(text: str, language: str, kind: str) -> nodes.Node:
    # Sphinx colours a block whose source is its text.
    text = text.strip("\n")
    block = nodes.literal_block(text, text, classes=[kind])
    block["language"] = language
    return block


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("run", Run)
    app.add_directive("command", Command)
    app.add_directive("every-command", EveryCommand)
    app.add_role("n", Number())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
