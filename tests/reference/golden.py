"""Reading the frozen cases."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


def cases(section: str, several: bool = False) -> list[str]:
    """The names of the cases in one column, or in several, whose name starts so, in order."""
    names = sorted(path.stem for path in (HERE / "cases").glob(f"{section}*.json"))
    return [name for name in names if (width(case(name)) > 1) == several]


def width(golden: dict[str, Any]) -> int:
    """The number of columns."""
    columns = golden.get("columns", "x")
    return 1 if isinstance(columns, str) else len(columns)


@cache
def case(name: str) -> dict[str, Any]:
    return json.loads((HERE / "cases" / f"{name}.json").read_text())


def data(golden: dict[str, Any]) -> np.ndarray:
    """The column (n,) or table (n, d) that a case was computed from, in the case's units."""
    if "x" in golden:
        return np.array(golden["x"])
    with (HERE / golden["dataset"]).open() as file:
        rows = list(csv.DictReader(file))
    columns = golden["columns"]
    if isinstance(columns, str) or len(columns) == 1:
        column = columns if isinstance(columns, str) else columns[0]
        return np.array([float(row[column]) for row in rows]) / golden["divide_by"]
    return np.array([[float(row[c]) for c in columns] for row in rows]) / golden["divide_by"]


def best(golden: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """The highest log-likelihood of a sound optimum that a case knows of, and its parameters.

    Sound by the cases' own rule: every sd at least 2% of the data's, 2.5 expected points each.
    """
    found = [golden["polished"]] if golden.get("polished", {}).get("loglik") else []
    if golden["status"] == "ok" and not found:
        found = [golden]
    multistart = (golden.get("multistart") or {}).get("best_admissible")
    if multistart:
        found.append(multistart)
    top = max(found, key=lambda f: f["loglik"], default={"loglik": -np.inf})
    return top["loglik"], top
