"""Docstrings as the source writes them, made ready for Sphinx.

In the source an argument is `name : what it is`, whose type stands in the signature; the values of
a class are a table of `name   what it is`; prose may follow the sections; and a name of emix stands
in single backticks. Arguments and values become definition lists, names links where there is
something to lead to. (napoleon and numpydoc read what follows the colon as a type, and prose after
a section as more of it.)
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

SECTION = re.compile(r"^(Parameters|Returns|Raises|Attributes)$")
LISTS = ("Parameters", "Raises", "Attributes")
ENTRY = re.compile(r"^(?P<names>[A-Za-z_][\w, ()]*?) : (?P<text>\S.*)$")
ROW = re.compile(r"^(?P<names>[a-z_]\w*(?: \([\w, ]+\))?(?:, [a-z_]\w*(?: \([\w, ]+\))?)*) {2,}"
                 r"(?P<text>\S.*)$")
NAME = re.compile(r"\w+(?![^(]*\))")
TICKED = re.compile(r"(?<![`:\w])`([^`\s][^`]*)`(?!`)")
# What reStructuredText would read as a mark: scikit-learn's names end in an underline, as its links
# do. Terms, which are bold, are left alone.
CODE = re.compile(r"(`+[^`]+`+|\*\*[^*]+\*\*)")
MARKS = re.compile(r"(?<=\w)_(?=[\s,.;:)]|$)|[*|]")
SHOWN = re.compile(r"^\.\. autoclass:: (emix\.[\w.]+)", re.M)
# A bracket belongs to a DOI where it was opened in it.
DOI = re.compile(r"doi:(10\.\d{4,}/(?:\([^\s()]*\)|[^\s,;()])*(?:\([^\s()]*\)|[^\s,;().]))")


def sections(lines: list[str]) -> Iterator[str]:
    """Headed sections as a heading and a definition list; what follows them stays prose."""
    section = ""
    for i, line in enumerate(lines):
        entry = ENTRY.match(line)
        if SECTION.match(line) and lines[i + 1:i + 2] == ["-" * len(line)]:
            section = line
            yield from ("", f".. rubric:: {line}", "")
        elif section and line == "-" * len(section):
            pass
        elif section in LISTS and entry:
            yield from ("", term(entry["names"]), f"    {entry['text']}")
        else:
            if section in LISTS and line and not line.startswith(" "):
                section = ""
                yield ""
            yield line


def tables(lines: list[str]) -> Iterator[str]:
    """Rows of `name   text`, which may go on below, aligned, as a definition list."""
    inside = False
    for line in lines:
        row = ROW.match(line)
        if row:
            yield from ("", term(row["names"]), f"    {row['text']}")
            inside = True
        elif inside and line.startswith("  "):
            yield f"    {line.strip()}"
        else:
            if inside and line.strip():
                yield ""
            inside = False
            yield line


def term(names: str) -> str:
    """Names in bold; the shapes in brackets behind them as they are."""
    return NAME.sub(lambda name: f"**{name[0]}**", names)


def linked(line: str, targets: dict[str, str]) -> str:
    """Names in single backticks as links to what is documented, else as code; DOIs as links."""
    def one(match: re.Match[str]) -> str:
        name = match[1]
        target = targets.get(name.removesuffix("()").removeprefix("emix."))
        return f":py:obj:`{name} <{target}>`" if target else f"``{name}``"

    pieces = CODE.split(line)
    pieces[::2] = [MARKS.sub(r"\\\g<0>", piece) for piece in pieces[::2]]
    return DOI.sub(r"`doi:\1 <https://doi.org/\1>`__", TICKED.sub(one, "".join(pieces)))


def ready(lines: list[str], targets: dict[str, str]) -> list[str]:
    """A whole docstring; examples are left as they are."""
    made, is_example = [], False
    for line in sections(list(tables(lines))):
        is_example = line.lstrip().startswith(">>>") or (is_example and bool(line.strip()))
        made.append(line if is_example else linked(line, targets))
    return made


def documented_names(reference: Path) -> dict[str, str]:
    """Every public name and the methods of its classes, and what else the reference shows, with
    where they are documented."""
    import emix

    shown = (name for page in reference.glob("*.rst") for name in SHOWN.findall(page.read_text()))
    found = {name.rsplit(".", 1)[-1]: name for name in shown}
    for name in emix.__all__:
        found[name] = f"emix.{name}"
        thing = getattr(emix, name)
        if inspect.isclass(thing):
            found |= {f"{name}.{each}": f"emix.{name}.{each}" for each in vars(thing)
                      if not each.startswith("_")}
    return found


# What emix calls them in its own signatures, where Sphinx has looked behind the name.
ARRAYS = {"float64": "Floats", "int64": "Labels", "bool": "Mask"}
ARRAY = re.compile(r"(?:numpy\.|np\.|~numpy\.)?ndarray\[.*?dtype\[(?:~?numpy\.)?(\w+)\]\]")


def signed(signature: str | None) -> str | None:
    """A signature, or what it returns, with arrays called as in the source.

    >>> signed("ndarray[tuple[Any, ...], dtype[float64]]")
    'Floats'
    """
    if signature is None:
        return None
    return ARRAY.sub(lambda array: ARRAYS.get(array[1], array[0]), signature)


def setup(app: Sphinx) -> dict[str, Any]:
    targets = documented_names(Path(app.srcdir) / "reference")

    def process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
                ) -> None:
        # A method's own class may be left unsaid.
        own = name.removesuffix(f".{name.rsplit('.', 1)[-1]}")
        near = {key.removeprefix(f"{own.rsplit('.', 1)[-1]}."): value
                for key, value in targets.items() if value.startswith(f"{own}.")}
        lines[:] = ready(lines, near | targets)

    def sign(app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None,
             returned: str | None) -> tuple[str | None, str | None]:
        return signed(signature), signed(returned)

    def sign_properties(app: Sphinx, doctree: nodes.document) -> None:
        # Late, since the tests make docstrings ready where no Sphinx is.
        from docutils.nodes import Text
        from sphinx.addnodes import desc_annotation

        # What a property is stands in no signature that the event above is told of.
        for node in doctree.findall(desc_annotation):
            if ARRAY.search(node.astext()):
                node[:] = [Text(str(signed(node.astext())))]

    app.connect("autodoc-process-docstring", process)
    app.connect("doctree-read", sign_properties)
    app.connect("autodoc-process-signature", sign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
