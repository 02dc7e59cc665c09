"""Selection to plain data, and to a page of words and tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from emix.names import listed

if TYPE_CHECKING:
    from emix.selection.choice import Row, Selection

# How the criteria are called, and what is said of their sign.
NAMES = {"bic": "BIC", "icl": "ICL", "aic": "AIC", "heldout": "held-out deviance"}
# Columns of characters that a table may take.
WIDTH = 110


def plain(selection: Selection) -> dict[str, Any]:
    """The selection as JSON-ready data: the object that `emix select --json` prints."""
    n = selection.n
    return {
        "n": int(n) if n == int(n) else n,
        "columns": list(selection.columns),
        "criterion": selection.criterion,
        "folds": selection.folds,
        "seed": selection.seed,
        "is_complete": selection.is_complete,
        "k": selection.best.k,
        "covariance": selection.best.covariance,
        "top": [
            {"covariance": row.covariance, "k": row.k, "above_best": above}
            for row, above in selection.top
        ],
        "table": [_plain_row(row) for row in selection.table],
        "tests": None if selection.tests is None else selection.tests.to_dict(),
        "best": selection.best.to_dict(),
    }


def _plain_row(row: Row) -> dict[str, Any]:
    return {
        "covariance": row.covariance,
        "k": row.k,
        "df": row.df,
        **{name: _number(getattr(row, name)) for name in ("loglik", "bic", "icl", "aic")},
        "bic_mclust": _number(-row.bic),
        "heldout": row.heldout,
        "outcome": None if row.outcome is None else row.outcome.value,
        "converged": row.converged,
        "gradient": _number(row.gradient),
        "is_refined": row.is_refined,
        "degenerate": [{"component": d.component, "reason": d.reason} for d in row.degenerate],
        "failure": row.failure,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def text(selection: Selection) -> str:
    """The selection for people: the choice, the three best, the table, what failed, the fit."""
    lines = [_title(selection)]
    if not selection.is_complete:
        reached = sum(row.outcome is not None for row in selection.table)
        lines.append(f"STOPPED EARLY: {reached} of {len(selection.table)} models were tried; this "
                     f"is the best of those")
        if selection.folds and all(row.heldout is None for row in selection.table):
            lines.append("The rows held out were not all scored; BIC decides instead")
    lines += ["", *_top(selection), "", *_table(selection)]
    lines += ["", *_by_number(selection)]
    failures = _failures(selection)
    if failures:
        lines += ["", *failures]
    lines += ["", "The best, as fitted:", "", selection.best.report()]
    return "\n".join(lines)


def _title(selection: Selection) -> str:
    names = list(dict.fromkeys(row.covariance for row in selection.table))
    ks = sorted({row.k for row in selection.table})
    structures = names[0] if len(names) == 1 else f"{len(names)} covariance structures"
    several = f"k = {_ranges(ks)}"
    folds = f" in {selection.folds} folds" if selection.criterion == "heldout" else ""
    return (f"{listed(selection.columns, str)}: {len(selection.table)} models ({structures}, "
            f"{several}) by {NAMES[selection.criterion]}{folds}")


def _top(selection: Selection) -> list[str]:
    name = NAMES[selection.criterion]
    held = any(row.heldout is not None for row in selection.table)
    width = max(13, len(name))
    lines = [f"{'':>4} {'model':>5} {'k':>3} {name:>{width}}  {'above best':>10}  "
             f"{'log-likelihood':>15}  {'df':>4}" + ("  held-out log-likelihood" if held else "")]
    for rank, (row, above) in enumerate(selection.top, start=1):
        line = (f"{rank:>4} {row.covariance:>5} {row.k:>3} "
                f"{row.value(selection.criterion):>{width}.3f}  {above:>10.3f}  "
                f"{row.loglik:>15.5f}  {row.df:>4}")
        if held and row.heldout is not None:
            line += f"  {row.heldout:>23.3f}"
        lines.append(line)
    least = selection.top[0][0].value(selection.criterion)
    if selection.criterion == "heldout":
        lines.append("Smaller is better: −2 times the log-likelihood of rows left out of the fit.")
    else:
        lines.append(f"Smaller is better; mclust prints {name} as {-least:.3f}, larger better.")
    return lines


def _table(selection: Selection) -> list[str]:
    """Structures down, k across, as many blocks of k as the width asks for."""
    criterion = selection.criterion
    cells = {(row.covariance, row.k): _cell(row, criterion) for row in selection.table}
    best = selection.ranked[0]
    cells[best.covariance, best.k] += "*"
    names = list(dict.fromkeys(row.covariance for row in selection.table))
    ks = sorted({row.k for row in selection.table})
    width = max(len(cell.rstrip("*")) for cell in cells.values()) + 2
    at_once = max((WIDTH - 6) // width, 1)
    lines = [f"{NAMES[criterion]} by model and k (* best, - no sound optimum"
             + (", ? not reached)" if not selection.is_complete else ")")]
    for first in range(0, len(ks), at_once):
        shown = ks[first: first + at_once]
        lines.append(f"{'k':>5}" + "".join(f"{k:>{width}} " for k in shown).rstrip())
        for name in names:
            row = "".join(f"{_padded(cells[name, k], width)}" for k in shown)
            lines.append(f"{name:>5}{row}".rstrip())
    return lines


def _by_number(selection: Selection) -> list[str]:
    """The structure of the best row, a line for each k with all that is known to choose by."""
    name, tests = selection.best.covariance, selection.tests
    rows = [row for row in selection.table if row.covariance == name]
    held = any(row.heldout is not None for row in rows)
    lines = [f"{name} by k", f"{'k':>5} {'log-likelihood':>15} {'df':>5} {'BIC':>12} {'ICL':>12} "
             f"{'AIC':>12}" + (f" {'held-out':>12}" if held else "")
             + ("  p-value, k against k + 1" if tests is not None else "")]
    for row in rows:
        cells = [f"{value:.3f}" if math.isfinite(value) else "-"
                 for value in (row.bic, row.icl, row.aic)]
        loglik = f"{row.loglik:.5f}" if math.isfinite(row.loglik) else "-"
        line = f"{row.k:>5} {loglik:>15} {row.df:>5} " + " ".join(f"{c:>12}" for c in cells)
        if held:
            line += f" {'-' if row.heldout is None else f'{row.heldout:.3f}':>12}"
        if tests is not None and math.isfinite(tests.p_value(row.k)):
            line += f"  {tests.p_value(row.k):.4f}"
        lines.append(line)
    if tests is not None:
        lines += ["", *tests.report().splitlines()[2:]]
    return lines


def _cell(row: Row, criterion: str) -> str:
    value = row.value(criterion)
    if not row.was_reached:
        return "?"
    return f"{value:.2f}" if math.isfinite(value) else "-"


def _padded(cell: str, width: int) -> str:
    """Numbers in line, with room for the mark behind them."""
    mark = cell[-1:] if cell.endswith("*") else " "
    return f"{cell.rstrip('*'):>{width}}{mark}"


def _failures(selection: Selection) -> list[str]:
    """What failed, a line for each reason and structure."""
    reasons: dict[tuple[str, str], list[int]] = {}
    for row in selection.failures:
        if row.was_reached:
            reasons.setdefault((str(row.failure), row.covariance), []).append(row.k)
    if not reasons:
        return []
    lines = ["No sound optimum:"]
    together: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for (reason, name), ks in reasons.items():
        together.setdefault((reason, tuple(ks)), []).append(name)
    for (reason, of), names in together.items():
        lines.append(f"{', '.join(names)} with k = {_ranges(list(of))}: {reason}")
    return lines


def _ranges(ks: list[int]) -> str:
    """1–4, 7 for [1, 2, 3, 4, 7]."""
    parts: list[list[int]] = []
    for k in sorted(ks):
        if parts and k == parts[-1][-1] + 1:
            parts[-1].append(k)
        else:
            parts.append([k])
    return ", ".join(f"{p[0]}" if len(p) == 1 else f"{p[0]}–{p[-1]}" for p in parts)
