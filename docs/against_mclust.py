"""Writes docs/against-mclust.md: what emix's default fits gain on mclust's, case by case.

    python docs/against_mclust.py

reads the frozen cases of tests/reference (mclust 6.0 to tolerance 0, its own default start).
"""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path

import numpy as np

import emix

HERE = Path(__file__).parent
REFERENCE = HERE.parent / "tests" / "reference"
STRUCTURES = ("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV",
              "EVV", "VVV")
SAME = 1e-6

INTRODUCTION = """\
# Against mclust: log-likelihood, ours − mclust's

Every cell is the log-likelihood of `emix.fit(x, k, covariance=…)`, default settings and seed 0,
less that of mclust 6.0 run to tolerance 0 from its own default start (`hc`, VVV). 0 is the same
optimum to 1e-6. A positive number is a higher one: mostly mclust's start led to a lower summit; in
VVE (k ≥ 2) mclust's optimum is not stationary in the common orientation. An empty cell was not
frozen; “new” is a fit where mclust has none (it stops at a singular covariance). *d* marks an
optimum of ours with a component that emix calls degenerate, for want of a sound one; *m* one of
mclust's with fewer than 2 (d + 1) expected points in a component, which is near to it.

Written by `docs/against_mclust.py`; the cases are in `tests/reference`.
"""


def main() -> None:
    cases = [json.loads(path.read_text())
             for path in sorted((REFERENCE / "cases").glob("b_*.json"))]
    found: dict[tuple[str, str, int], str] = {}
    counts = {"same": 0, "higher": 0, "lower": 0, "new": 0}
    for case in cases:
        cell, verdict = compared(case)
        counts[verdict] += 1
        found[Path(case["dataset"]).stem, case["model"], case["K"]] = cell
    lines = [INTRODUCTION, f"Of {len(cases)} cases {counts['same']} are the same, "
             f"{counts['higher']} higher, {counts['lower']} lower, {counts['new']} new."]
    for name in sorted({key[0] for key in found}):
        lines += ["", f"## {name}", "", "| | " + " | ".join(f"k={k}" for k in range(1, 6)) + " |",
                  "|---|" + "---:|" * 5]
        for structure in STRUCTURES:
            cells = (found.get((name, structure, k), "") for k in range(1, 6))
            lines.append(f"| {structure} | " + " | ".join(cells) + " |")
    (HERE / "against-mclust.md").write_text("\n".join(lines) + "\n")


def compared(case: dict) -> tuple[str, str]:
    """The cell of a case, and its verdict."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fit = emix.fit(data(case), case["K"], covariance=case["model"])
    ours = " *d*" if fit.degenerate else ""
    if case["status"] != "ok":
        return "new" + ours, "new"
    gain = fit.loglik - case["loglik"]
    few = case["n"] * min(case["weights"]) < 2 * (case["d"] + 1)
    notes = ours + (" *m*" if few else "")
    if abs(gain) <= SAME:
        return "0" + notes, "same"
    return f"{gain:+.3f}".replace("-", "−") + notes, "higher" if gain > 0 else "lower"


def data(case: dict) -> np.ndarray:
    with (REFERENCE / case["dataset"]).open() as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[c]) for c in case["columns"]] for row in rows])


if __name__ == "__main__":
    main()
