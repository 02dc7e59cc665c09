"""What the text of one cell is: a finite number as Python reads it, or something to refuse."""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt

__all__ = ["ADVICE", "kind", "numbers", "shown"]

SHOWN_CHARACTERS = 40
MISSING = frozenset({"", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "?", "."})
COMMA_NUMBER = re.compile(r"[+-]?\d*(,\d+)+(\.\d*)?([eE][+-]?\d+)?\Z", re.ASCII)
HEXADECIMAL_NUMBER = re.compile(r"[+-]?0[xX][0-9a-fA-F]+\Z")

ADVICE = {
    "missing": "is a missing value, and missing values are not supported yet; "
    "drop the row, or leave the column out",
    "infinite": "is not a finite number; correct the cell or drop the row",
    "comma": "has a comma inside the number; write the decimals after a point, "
    "and no separator between thousands",
    "underscore": "has an underscore inside the number; write the digits without it",
    "hexadecimal": "is a hexadecimal number; write it in decimal",
    "text": "is not a number; correct the cell, or leave the column out",
}


def numbers(cells: list[str]) -> npt.NDArray[np.float64] | None:
    """Every cell as a finite number, or None when one of them is not.

    >>> numbers(["1e3", " -0.5"])
    array([ 1.e+03, -5.e-01])
    """
    joined = "".join(cells)
    # float() also takes '1_000' and the digits of every script; such cells go one by one.
    plain = joined.isascii() and "_" not in joined
    if not plain and any(kind(cell) != "number" for cell in cells):
        return None
    try:
        values = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    except ValueError:
        return None
    return values if bool(np.isfinite(values).all()) else None


def kind(cell: str) -> str:
    """What a cell is: "number", or the key of `ADVICE` that says why it is not one.

    >>> kind("3.5"), kind("3,5"), kind("1_000"), kind("NA"), kind("setosa")
    ('number', 'comma', 'underscore', 'missing', 'text')
    """
    stripped = cell.strip()
    if stripped in MISSING:
        return "missing"
    if HEXADECIMAL_NUMBER.match(stripped):
        return "hexadecimal"
    if COMMA_NUMBER.match(stripped):
        return "comma"
    try:
        value = float(cell)
    except ValueError:
        return "text"
    if "_" in cell:
        return "underscore"
    if not stripped.isascii():
        return "text"
    return "number" if math.isfinite(value) else "infinite"


def shown(cell: str) -> str:
    """A cell as messages print it: in quotes, escaped, and cut after 40 characters."""
    return repr(cell if len(cell) <= SHOWN_CHARACTERS else cell[:SHOWN_CHARACTERS] + "…")
