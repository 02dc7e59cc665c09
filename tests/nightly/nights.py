"""How many cases a law is tried on: some in the suite, thousands at night."""

from __future__ import annotations

from hypothesis import settings

NIGHTLY = 10_000


def examples(usual: int, nightly: int = NIGHTLY) -> int:
    """`usual`, or `nightly` under `pytest --hypothesis-profile=nightly`."""
    return nightly if settings().max_examples == NIGHTLY else usual
