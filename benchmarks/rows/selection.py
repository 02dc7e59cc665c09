"""Choosing k from 1 to 9 and the structure: all fourteen beside mclust, which has them; beside
scikit-learn, which leaves the loop to its user, the four that it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from measuring import Row, in_turn, timing
from peers import Peer, why

import emix

PART = "model selection, k = 1 … 9"
SECONDS = 6.0
NAMES = ("faithful", "iris")
FOUR = ("VVV", "EEE", "VVI", "VII")


def rows(peers: Sequence[Peer]) -> Iterator[Row]:
    for name in NAMES:
        x = np.ascontiguousarray(emix.datasets.load(name).data, dtype=float)
        told = f"{name}, n = {len(x)}, d = {x.shape[1]}"
        for peer in peers:
            four = peer.name == "scikit-learn"
            ours: dict[str, Any] = {"covariances": FOUR} if four else {}
            try:
                theirs = peer.select(x)
                yield in_turn(
                    PART, told, peer.name,
                    timing(lambda: emix.select(x, range(1, 10), **ours)),  # noqa: B023
                    theirs, SECONDS, remark="4 structures, one start each" if four else
                    "14 structures", most=5)
            except Exception as reason:
                yield Row.unrun(PART, told, peer.name, why(reason))
