"""emix beside scikit-learn, pomegranate, gmmx, mlpack and R's mclust, whichever are installed.

    python benchmarks/versus.py                              everything, some ten minutes
    python benchmarks/versus.py --only small --only many     some parts
    python benchmarks/versus.py --write docs/performance.md  and the table into the page

Parts: steps, optimum, small, many, selection, memory, limits, itself. Same data, and the same
start where a peer takes one (mlpack does not); ours and theirs run in turn, so that both meet the
same machine; every number is a median, every ratio is theirs / ours with its range, and more is
better for emix. A peer that cannot be run keeps its row, which says why. No row is left out because
it loses. `--json FILE` (docs/performance.json with --write) has all of it, and is written after
each part: parts that are not measured again stay as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from measuring import Row, duration, machine
from peers import Peer, installed
from rows import groups, itself, limits, memory, optimum, selection, small, steps
from threadpoolctl import threadpool_limits
from writing import written

PARTS = {"steps": steps, "optimum": optimum, "small": small, "many": groups,
         "selection": selection, "memory": memory, "limits": limits, "itself": itself}
# The parts measured so far: where, and their rows.
Kept = dict[str, dict[str, Any]]
# Peers' small matrices: with more than one BLAS thread they wait for each other, on any machine.
ONE_BLAS_THREAD = ("small", "many", "selection")


def compared(part: str, peers: Sequence[Peer]) -> Iterator[Row]:
    with threadpool_limits(1 if part in ONE_BLAS_THREAD else None):
        yield from PARTS[part].rows(peers)


def printed(row: Row) -> str:
    return (f"    {row.peer:14}{duration(row.ours, row.unit):>10}"
            f"{duration(row.theirs, row.unit):>10}{ratio(row):>24}  {row.remark}")


def ratio(row: Row) -> str:
    if row.ratio != row.ratio:
        return "–"
    spread = "" if row.low == row.high else f" ({row.low:.3g}–{row.high:.3g})"
    return f"{row.ratio:.3g}{spread}"


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = ["| what | beside | emix | theirs | ratio (range) | remark |",
             "|---|---|---:|---:|---:|---|"]
    before = ""
    for row in rows:
        what = "" if row.what == before else row.what
        before = row.what
        lines.append(f"| {what} | {row.peer} | {duration(row.ours, row.unit)} | "
                     f"{duration(row.theirs, row.unit)} | {ratio(row)} | {row.remark} |")
    return "\n".join(lines)


def page(kept: Kept) -> str:
    """All parts that have been measured, each with where it was; once for those that follow each
    other on one machine."""
    lines, before = [], ""
    for part in kept.values():
        name, told = part["rows"][0]["part"], part["told"]
        if told != before:
            lines.append(f"{told}.\n")
        before = told
        lines += [f"### {name[0].upper()}{name[1:]}\n",
                  table([Row.of(row) for row in part["rows"]]), ""]
    return "\n".join(lines)


def measured(part: str, peers: Sequence[Peer]) -> list[Row]:
    """The rows of a part, told as they come."""
    rows: list[Row] = []
    for row in compared(part, peers):
        if not rows or row.what != rows[-1].what:
            print(f"{row.part}: {row.what}")
        print(printed(row), flush=True)
        rows.append(row)
    return rows


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be repeated")
    parser.add_argument("--json", type=Path, help="keep the rows there as well")
    parser.add_argument("--write", type=Path, metavar="PAGE",
                        help="put the table into this page, between its markers")
    given = parser.parse_args()
    if given.write and not given.json:
        given.json = given.write.with_suffix(".json")
    return given


def main() -> str | None:
    given = arguments()
    warnings.simplefilter("ignore")
    begin, was = time.perf_counter(), machine()
    peers, missing = installed()
    told = f"On {was}; beside " + ", ".join(f"{peer.name} {peer.version}" for peer in peers)
    if missing:
        told += f"; not installed, left out: {', '.join(missing)}"
    print(told, flush=True)
    file: Path | None = given.json
    kept: Kept = json.loads(file.read_text()) if file and file.exists() else {}
    failed = []
    for part in given.only or PARTS:
        try:
            rows = measured(part, peers)
        except Exception:
            # What the other parts have measured is not lost by it.
            traceback.print_exc()
            failed.append(part)
            continue
        kept[part] = {"told": told, "rows": [row.as_dict() for row in rows]}
        kept = {part: kept[part] for part in PARTS if part in kept}
        if file:
            file.write_text(json.dumps(kept, indent=1) + "\n")
        if given.write:
            written(given.write, "versus", page(kept))
    for peer in peers:
        peer.close()
    print(f"{time.perf_counter() - begin:.0f} s")
    return f"not measured: {', '.join(failed)}" if failed else None


if __name__ == "__main__":
    sys.exit(main())
