"""Other implementations of the same method, each behind the same face: see `peer.Peer`."""

from __future__ import annotations

from peers.gmmx_peer import Gmmx
from peers.mclust_peer import Mclust
from peers.mlpack_peer import Mlpack
from peers.peer import Ended, Peer, Unable, why
from peers.pomegranate_peer import Pomegranate
from peers.sklearn_peer import ScikitLearn

__all__ = ["PEERS", "Ended", "Peer", "Unable", "installed", "why"]

PEERS: tuple[type[Peer], ...] = (ScikitLearn, Pomegranate, Gmmx, Mlpack, Mclust)


def installed() -> tuple[list[Peer], list[str]]:
    """Those that are, and the names of those that are not."""
    present = [kind for kind in PEERS if kind.is_installed()]
    return [kind() for kind in present], [kind.name for kind in PEERS if kind not in present]
