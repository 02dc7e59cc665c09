"""Ten thousand groups of 200 points, two components each: `emix.fit_many` beside each peer's small
fit in a loop, which is timed on a share of the groups and reckoned up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from measuring import Row, in_turn, timing
from peers import Peer, why

import emix
from many import POINTS, apart, varied

PART = "many fits"
GROUPS = 10_000
# Groups that a peer fits within a pair; of these fits some take a tenth of a second.
SHARE = 20
SECONDS = 8.0


def rows(peers: Sequence[Peer]) -> Iterator[Row]:
    rng = np.random.default_rng(0)
    for name, groups in (("4 sds apart", apart(rng, GROUPS, 4.0)), ("varied", varied(rng, GROUPS))):
        told = f"{GROUPS} groups of {POINTS}, k = 2, {name}"
        for peer in peers:
            try:
                yield in_turn(
                    PART, told, peer.name, timing(lambda: emix.fit_many(groups, 2)),  # noqa: B023
                    _loop(peer, groups), SECONDS,
                    remark=f"theirs timed on {SHARE} groups and reckoned up")
            except Exception as reason:
                yield Row.unrun(PART, told, peer.name, why(reason))


def _loop(peer: Peer, groups: np.ndarray):
    """Seconds that all groups would take, from other groups each time."""
    rng = np.random.default_rng(1)

    def loop() -> float:
        chosen = rng.choice(len(groups), SHARE, replace=False)
        seconds = sum(peer.small(groups[i][:, None], 2)() for i in chosen)
        return seconds * len(groups) / SHARE

    return loop
