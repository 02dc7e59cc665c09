"""What goes between the processes of one cluster, as bytes.

Engines move their tasks about by pickle, and so do these, in memory, from a process to those it has
started or joined; whoever may send them anything may run anything there already. Files are another
matter: none that emix writes or reads is a pickle, and nothing else in it imports the module.
"""

from __future__ import annotations

import pickle
from typing import Any

__all__ = ["packed", "unpacked"]


def packed(value: object) -> bytes:
    """A value on its way.

    >>> unpacked(packed((1, 2)))
    (1, 2)
    """
    return pickle.dumps(value, protocol=5)


def unpacked(sent: bytes) -> Any:
    """What arrives."""
    return pickle.loads(sent)
