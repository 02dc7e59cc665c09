"""How much a batch counts against all that came before it, as a value.

After a batch the running average is (1 − γ) of what it was and γ of the batch's. The rate γ decides
what is forgotten: rates that fall as 1/t weigh all rows alike and settle; one that stays up follows
a stream that drifts, and never settles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from emix.errors import ParameterError


class Schedule(Protocol):
    """A rate for each batch."""

    @property
    def averages(self) -> bool:
        """Whether the mixture is better read from an average over steps than from the last: where
        rates fall to 0, but more slowly than the noise that they let in."""
        ...

    def rate(self, batch: float, seen: float) -> float:
        """γ in (0, 1] of a batch of Σ w = `batch`; `seen` is Σ w so far, the batch's included."""
        ...


@dataclass(frozen=True, slots=True)
class Decay:
    """γ = (t + delay)^−exponent, with t the rows seen so far in batches of the present size.

    With equal batches t = 1, 2, 3, …: the rates of Cappé & Moulines, and with a delay of 2 those of
    Liang & Klein. Exponents in (½, 1] converge; 1 without a delay weighs all rows alike, however
    they were divided, but learns slowly what the first batches had wrong.

    >>> Decay(exponent=1.0, delay=0).rate(batch=10.0, seen=40.0)
    0.25
    """

    exponent: float = 0.7
    delay: float = 2.0

    def __post_init__(self) -> None:
        if not 0.5 < self.exponent <= 1:
            raise ParameterError(f"exponent={self.exponent!r}; expected a number above 0.5, where "
                                 f"rates fall fast enough to converge, and at most 1")
        if not 0 <= self.delay < math.inf:
            raise ParameterError(f"delay={self.delay!r}; expected a number of batches, 0 or more")

    @property
    def averages(self) -> bool:
        return self.exponent < 1

    def rate(self, batch: float, seen: float) -> float:
        return math.pow(seen / batch + self.delay, -self.exponent)


@dataclass(frozen=True, slots=True)
class Constant:
    """The same γ for every batch: those long past count (1 − γ)^age. 1 is the last batch alone."""

    gamma: float

    def __post_init__(self) -> None:
        if not 0 < self.gamma <= 1:
            raise ParameterError(f"gamma={self.gamma!r}; expected a rate above 0 and at most 1")

    @property
    def averages(self) -> bool:
        return False

    def rate(self, batch: float, seen: float) -> float:
        return self.gamma


@dataclass(frozen=True, slots=True)
class Memory:
    """γ = 1 − exp(−batch / rows): a row counts e^(−age / rows), its age in rows, whatever the size
    of batches.

    >>> round(Memory(rows=1000.0).rate(batch=100.0, seen=5000.0), 4)
    0.0952
    """

    rows: float

    def __post_init__(self) -> None:
        if not 0 < self.rows < math.inf:
            raise ParameterError(f"rows={self.rows!r}; expected how many rows are remembered")

    @property
    def averages(self) -> bool:
        return False

    def rate(self, batch: float, seen: float) -> float:
        return -math.expm1(-batch / self.rows)
