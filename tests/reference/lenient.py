"""Oracles that underflow by design: a component far from a point has a density of 0 there.

The suite runs with every floating-point flag raised (conftest.py). What tests compare with is
excused here, function by function; nothing of emix is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from scipy import special

Function = TypeVar("Function", bound=Callable[..., Any])


def lenient(function: Function) -> Function:
    """An oracle, in which what is too small for a double is 0."""
    @functools.wraps(function)
    def excused(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(under="ignore"):
            return function(*args, **kwargs)

    return excused  # type: ignore[return-value]


# Shares of components that do not count, and products with them.
exp = lenient(np.exp)
multiply = lenient(np.multiply)
logsumexp = lenient(special.logsumexp)
xlogy = lenient(special.xlogy)
