"""Compression: what a fit says of the points that stood for its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Compression:
    """How a column of many rows was compressed for a fit, or why not.

    points   the weighted points that stood for the data in the search's climbs; 0: not used
    width    of the narrowest bin, in units of the data
    passes   over the data, to count it into bins
    nats     log-likelihood of the points less that of the data, at the mixture of the fit
    reason   why it was not used, in words; empty where it was

    The log-likelihood and the parameters of a fit are those of all its data either way: the points
    only say where the last steps begin.
    """

    points: int
    width: float
    passes: int
    nats: float
    reason: str = ""

    @classmethod
    def declined(cls, reason: str, passes: int = 0) -> Compression:
        """Not used, for a reason."""
        return cls(0, 0.0, passes, 0.0, reason)

    @property
    def used(self) -> bool:
        return not self.reason

    def describe(self) -> str:
        """One line in words."""
        if not self.used:
            return f"not compressed: {self.reason}"
        times = "once" if self.passes == 1 else f"{self.passes} times"
        return (f"climbed on {self.points} weighted points (bins from {self.width:.3g} wide, the "
                f"data counted {times}), ended on all rows; compression cost {self.nats:+.1e} nats")

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"used": self.used, "points": self.points, "width": self.width,
                "passes": self.passes, "nats": self.nats, "reason": self.reason}
