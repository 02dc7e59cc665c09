"""Random numbers for starts: a counter, hashed.

The native kernel and the portable path must draw the same starts for the same seed, and every
start must be drawable by itself, whatever thread runs it. SplitMix64 (Steele, Lea & Flood 2014,
doi:10.1145/2660193.2660195) is a dozen lines in either language and passes the usual tests.
"""

from __future__ import annotations

import numpy as np

from emix.arrays import Floats

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_STEP = 0x9E37_79B9_7F4A_7C15


def _mixed(state: int) -> int:
    state = ((state ^ (state >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return state ^ (state >> 31)


class Draws:
    """Uniform numbers in [0, 1) for one start of one seed, drawn in order.

    >>> Draws(seed=0, stream=0).uniform() == Draws(seed=0, stream=0).uniform()
    True
    """

    def __init__(self, seed: int, stream: int) -> None:
        self._state = _mixed((_mixed(seed & _MASK) + stream * _STEP) & _MASK)

    def uniform(self) -> float:
        """One number, a multiple of 2⁻⁵³."""
        self._state = (self._state + _STEP) & _MASK
        return (_mixed(self._state) >> 11) * 2.0**-53

    def uniforms(self, n: int) -> Floats:
        """The next n numbers, (n,): what n calls of `uniform` would give."""
        steps = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(_STEP)
        states = np.uint64(self._state) + steps
        self._state = int(states[-1]) if n else self._state
        states = (states ^ (states >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
        states = (states ^ (states >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
        states ^= states >> np.uint64(31)
        numbers: Floats = (states >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return numbers

    def below(self, n: int) -> int:
        """An index from 0 to n − 1."""
        return min(int(self.uniform() * n), n - 1)
