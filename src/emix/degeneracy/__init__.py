"""What a fit owes to the floor under its spreads: the best there is for one floor after another."""

from __future__ import annotations

from emix.degeneracy.following import floor_path
from emix.degeneracy.path import FloorPath, FloorRow

__all__ = ["FloorPath", "FloorRow", "floor_path"]
