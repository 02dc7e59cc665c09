"""A picture as SVG within a page: its colours are the page's, light or dark, its names its own."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from emix.names import printable
from emix.plots import style
from emix.plots.backend import matplotlib
from emix.reporting.markup import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPACE, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
# Marks of one collection above which it becomes an image: each takes a hundred bytes.
MOST_MARKS = 600
DPI = 200


def _code(part: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * value):02x}" for value in part)


# The colours of the visual language, and what the page's style calls them.
COLOURS = {
    style.INK.lower(): "ink", style.PALE_EDGE.lower(): "paper", style.PALE.lower(): "pale",
    style.MUTED.lower(): "muted",
    **{_code(style.rgb(code)): f"c{j + 1}" for j, code in enumerate(style.PALETTE)},
    **{_code(style.shade(j)): f"s{j + 1}" for j in range(len(style.PALETTE))},
}
_COLOUR = re.compile("#[0-9a-f]{6}")
# A hundredth of a typographic point is enough.
_NUMBER, _ROUNDED = re.compile(r"-?\d+\.\d{3,}"), frozenset(("d", "x", "y"))
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def svg_of(ax: Axes, name: str, alternative: str) -> Markup:
    """The figure of these Axes as an element of a page. `name` sets its identifiers apart from
    those of other pictures there; `alternative` is read to those who do not see it."""
    root = ElementTree.fromstring(_drawn(ax, name))
    for found in root.findall(f"{SPACE}metadata"):
        root.remove(found)
    for found in root.findall(f"{SPACE}defs"):
        # Its rule would be one for the whole page, which has it for its pictures.
        for rule in found.findall(f"{SPACE}style"):
            found.remove(rule)
        if not len(found):
            root.remove(found)
    _rename(root, name)
    for node in root.iter():
        node.tag = node.tag.removeprefix(SPACE)
        node.tail = node.text = (node.text or "").strip() or None
        node.tail = None
        for key in _ROUNDED.intersection(node.keys()):
            node.set(key, _NUMBER.sub(_rounded, " ".join(node.attrib[key].split())))
        if "style" in node.attrib:
            node.set("style", _COLOUR.sub(_named, node.attrib["style"]))
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "aria-label": printable(alternative)})
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _drawn(ax: Axes, name: str) -> bytes:
    package, file = matplotlib(), io.BytesIO()
    figure: Any = ax.figure
    figure.set_facecolor("none")
    for axes in [ax, *figure.axes, *(child for each in figure.axes for child in each.child_axes)]:
        axes.set_facecolor("none")
        for drawn in axes.collections:
            if max(len(drawn.get_offsets()), len(drawn.get_paths())) > MOST_MARKS:
                drawn.set_rasterized(True)
    # Letters as outlines: the same on every machine, whatever fonts it has.
    with package.rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", dpi=DPI, metadata={"Date": None})
    return file.getvalue()


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number.group()):.2f}".rstrip("0").rstrip(".")


def _named(colour: re.Match[str]) -> str:
    """The page's name for a colour, and itself for where the picture is taken out of the page."""
    code = colour.group()
    return f"var(--{COLOURS[code]}, {code})" if code in COLOURS else code


def _rename(root: ElementTree.Element, name: str) -> None:
    """Identifiers that are referred to get names of this picture; the others are dropped."""
    used: dict[str, str] = {}

    def renamed(old: str) -> str:
        return used.setdefault(old, f"{name}-{len(used) + 1}")

    for node in root.iter():
        for key, value in list(node.attrib.items()):
            if key == LINK:
                del node.attrib[key]
                inside = value.startswith("#")
                node.set("href", f"#{renamed(value[1:])}" if inside else value)
            else:
                node.set(key, _REFERENCE.sub(lambda m: f"url(#{renamed(m.group(1))})", value))
    for node in root.iter():
        own = node.attrib.pop("id", None)
        if own in used:
            node.set("id", used[own])
