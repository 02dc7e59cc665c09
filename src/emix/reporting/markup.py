"""HTML from plain functions: what is not `Markup` already is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from emix.names import printable

# Elements without content, which have no end.
VOID = frozenset(("meta", "br", "hr"))


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(content: object) -> Markup:
    """Content as HTML: `Markup` as it is, anything else with its special characters escaped, and
    with what is not seen, control characters among them, written out.

    >>> escaped("a <b> & c")
    'a &lt;b&gt; &amp; c'
    """
    if isinstance(content, Markup):
        return content
    return Markup(html.escape("\n".join(map(printable, str(content).split("\n")))))


def element(tag: str, *content: object, **attributes: object) -> Markup:
    """An element. A trailing underscore of an attribute's name is dropped, others become dashes; an
    attribute that is None or False is left out, one that is True has no value.

    >>> element("td", "1 < 2", class_="number", aria_label='"one"')
    '<td class="number" aria-label="&quot;one&quot;">1 &lt; 2</td>'
    """
    words = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        words.append(name if value is True else f'{name}="{escaped(value)}"')
    start = f"<{' '.join(words)}>"
    return Markup(start if tag in VOID else f"{start}{together(content)}</{tag}>")


def together(content: Iterable[object], between: str = "") -> Markup:
    """Contents one after the other."""
    return Markup(between.join(map(escaped, content)))


def table(
    caption: str, head: Sequence[object], rows: Iterable[Sequence[object]], notes: object = "",
) -> Markup:
    """A table with a heading for each column and, in its first cells, for each row. Where it is too
    wide for the page it scrolls by itself, by keyboard too."""
    titles = element("tr", *(element("th", cell, scope="col") for cell in head))
    body = [element("tr", element("th", first, scope="row"),
                    *(element("td", cell) for cell in rest)) for first, *rest in rows]
    made = element("table", element("caption", caption), element("thead", titles),
                   element("tbody", *body))
    scrolled = element("div", made, class_="wide", role="region", aria_label=caption, tabindex="0")
    return together([scrolled, element("p", notes, class_="note") if notes else ""])
