"""Small fits as each package's documentation makes them: emix with all its starts, peers with the
one, or the few, that they make by default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from measuring import Row, in_turn, timing
from peers import Peer, why

import emix

PART = "small fit, default settings"
SECONDS = 4.0
DATA = (("faithful", ["waiting"], 2), ("faithful", None, 3), ("iris", None, 3))


def rows(peers: Sequence[Peer]) -> Iterator[Row]:
    for name, columns, k in DATA:
        loaded = emix.datasets.load(name)
        x = loaded.data if columns is None else np.column_stack([loaded[c] for c in columns])
        x = np.ascontiguousarray(x, dtype=float)
        told = f"{' '.join([name, *(columns or [])])}, n = {len(x)}, d = {x.shape[1]}, k = {k}"
        given = x[:, 0] if x.shape[1] == 1 else x
        repeat = 50 if x.shape[1] == 1 else 3
        for peer in peers:
            try:
                yield in_turn(
                    PART, told, peer.name, timing(lambda: emix.fit(given, k), repeat),  # noqa: B023
                    peer.small(x, k), SECONDS, remark=peer.remark, most=25)
            except Exception as reason:
                yield Row.unrun(PART, told, peer.name, why(reason))
