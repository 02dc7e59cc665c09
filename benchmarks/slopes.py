"""How the time of an EM step grows with rows, columns and components: measured slopes.

    python benchmarks/slopes.py [--write docs/performance.md]

A slope is p in time ∝ n^p (or d^p, k^p), by least squares on logarithms of medians, the other two
held. Full and diagonal covariances; data of one overlapping cloud, in which every component matters
to every row, so that nothing is left out. Under a minute on a quiet machine.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from data import Problem, column, table
from measuring import duration, machine, timing
from rows.steps import our_step
from writing import written

SECONDS = 0.4


@dataclass(frozen=True)
class Line:
    """One axis varied: its values, the medians of a step in seconds, and the slope."""

    what: str
    axis: str
    values: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def slope(self) -> float:
        return float(np.polyfit(np.log(self.values), np.log(self.seconds), 1)[0])


def median_step(problem: Problem) -> float:
    step = timing(our_step(problem))
    step()
    begin, times = time.perf_counter(), []
    while len(times) < 5 or (time.perf_counter() - begin < SECONDS and len(times) < 200):
        times.append(step())
    return float(np.median(times))


def lines() -> list[Line]:
    found = []

    def add(what: str, axis: str, values: tuple[int, ...], make) -> None:
        found.append(Line(what, axis, values, tuple(median_step(make(v)) for v in values)))

    add("1 column, k = 3", "n", (10_000, 100_000, 1_000_000), column)
    for kind in ("full", "diag"):
        add(f"{kind}, d = 8, k = 8", "n", (10_000, 100_000, 1_000_000),
            lambda n, kind=kind: table(n, 8, 8, kind, "cloud"))
        add(f"{kind}, n = 50,000, k = 8", "d", (4, 8, 16, 32, 64),
            lambda d, kind=kind: table(50_000, d, 8, kind, "cloud"))
        add(f"{kind}, n = 50,000, d = 8", "k", (4, 8, 16, 32, 64),
            lambda k, kind=kind: table(50_000, 8, k, kind, "cloud"))
    return found


def told(found: list[Line]) -> str:
    rows = ["| held | varied | seconds of a step | grows like |", "|---|---|---|---|"]
    for line in found:
        steps = ", ".join(f"{value:,}: {duration(seconds)}"
                          for value, seconds in zip(line.values, line.seconds, strict=True))
        rows.append(f"| {line.what} | {line.axis} | {steps} | {line.axis}^{line.slope:.2f} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="PAGE",
                        help="put the table into this page, between its markers")
    given = parser.parse_args()
    was, found = machine(), lines()
    print(was)
    print(told(found))
    if given.write:
        written(given.write, "slopes", f"`python benchmarks/slopes.py`, on {was}.\n\n{told(found)}")


if __name__ == "__main__":
    main()
