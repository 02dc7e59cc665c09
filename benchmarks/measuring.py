"""How times are taken and told: pairs of runs in turn, medians with their range, the machine."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emix.kernels import available_threads, instruction_set

Action = Callable[[], object]
# A measurement may time itself, as R does, and then gives its seconds.
Timed = Callable[[], float]


@dataclass
class Row:
    """One comparison. Seconds (or MB) are medians; ratio is theirs / ours, `low` and `high` its
    range, so that more is better for emix everywhere. NaN where a peer could not be run; `remark`
    then says why."""

    part: str
    what: str
    peer: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    remark: str = ""
    unit: str = "s"

    @classmethod
    def unrun(cls, part: str, what: str, peer: str, remark: str) -> Row:
        """A peer that could not be measured, and why."""
        nothing = float("nan")
        return cls(part, what, peer, nothing, nothing, nothing, nothing, nothing, remark)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Row:
        """Of what `as_dict` gave."""
        return cls(**{name: math.nan if value is None else value for name, value in values.items()})

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which has no NaN."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def timed(action: Action) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def timing(action: Action, repeat: int = 1) -> Timed:
    """Seconds of one run, of several where one is too short to time alone."""
    def run() -> float:
        begin = time.perf_counter()
        for _ in range(repeat):
            action()
        return (time.perf_counter() - begin) / repeat

    return run


def in_turn(
    part: str, what: str, peer: str, ours: Timed, theirs: Timed, seconds: float = 6.0,
    most: int = 15, remark: str = "",
) -> Row:
    """Ours and theirs in turn until the time is up, but twice; once before, to be warm, unless that
    takes all the time there is: then it is the one run that counts."""
    begin = time.perf_counter()
    pairs = [(ours(), theirs())]
    if time.perf_counter() - begin < seconds:
        begin, pairs = time.perf_counter(), []
        while len(pairs) < 2 or (len(pairs) < most and time.perf_counter() - begin < seconds):
            pairs.append((ours(), theirs()))
    else:
        remark = "; ".join(filter(None, [remark, "one run"]))
    a, b = np.array(pairs).T
    ratios = b / a
    return Row(part, what, peer, float(np.median(a)), float(np.median(b)),
               float(np.median(ratios)), float(ratios.min()), float(ratios.max()), remark)


def machine() -> str:
    """Processor, threads, instruction set, versions, and how busy the machine is."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (f"{_processor()}, {available_threads()} threads, {instruction_set()}, "
            f"Python {platform.python_version()}, numpy {np.__version__}{load}")


def _processor() -> str:
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def duration(seconds: float, unit: str = "s") -> str:
    """Three digits and a unit.

    >>> duration(0.001234), duration(12.3), duration(138.0, "MB")
    ('1.23 ms', '12.3 s', '138 MB')
    """
    if seconds != seconds:
        return "–"
    if unit != "s":
        return f"{seconds:.0f} {unit}"
    for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {name}"
    return f"{seconds * 1e6:.3g} µs"
