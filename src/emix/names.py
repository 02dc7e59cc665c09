"""Names of columns: what those without are called, and how messages show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

SHOWN_NAMES = 20
# Looking for near misses costs a few microseconds a name: no use among a million columns.
MOST_NAMES_COMPARED = 1000


def default_names(n_features: int) -> tuple[str, ...]:
    """Names of columns that have none.

    >>> default_names(1), default_names(3)
    (('x',), ('x1', 'x2', 'x3'))
    """
    return ("x",) if n_features == 1 else tuple(f"x{j + 1}" for j in range(n_features))


def as_names(given: Iterable[object]) -> tuple[str, ...]:
    """Names as text; a column whose name is empty is called by its place.

    >>> as_names(["age", 2020, ""])
    ('age', '2020', 'column 3')
    """
    return tuple(str(each) or f"column {j + 1}" for j, each in enumerate(given))


def listed(names: Sequence[str], show: Callable[[str], str] = repr) -> str:
    """Names for a message, the first twenty of them.

    >>> listed(["age", "height"])
    "'age', 'height'"
    """
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(map(show, names[:SHOWN_NAMES])) + more


def printable(text: str) -> str:
    """Text from outside with all escaped that is neither seen nor a space: a name must not drive
    the terminal, and neither fonts nor pages have control characters.

    >>> printable("a\\tb")
    'a\\\\tb'
    """
    if text.isprintable():
        return text
    # Imported here: hardly a name needs it.
    from unicodedata import category

    return "".join(c if c.isprintable() or category(c) == "Zs" else
                   c.encode("unicode_escape").decode() for c in text)


def near(wanted: str, names: Sequence[str], show: Callable[[str], str] = repr) -> str:
    """A question that names what may have been meant, or nothing.

    >>> near("wating", ["eruptions", "waiting"])
    "; did you mean 'waiting'?"
    """
    if len(names) > MOST_NAMES_COMPARED:
        return ""
    # Imported here: `import emix` should cost little more than `import numpy`.
    import difflib

    found = [each for each in names if each.casefold() == wanted.casefold()]
    found += [each for each in difflib.get_close_matches(wanted, names) if each not in found]
    return f"; did you mean {' or '.join(map(show, found))}?" if found else ""
