"""emix beside scikit-learn, pomegranate, gmmx, mlpack and R's mclust, whichever are installed.

    python benchmarks/versus.py                              everything, some ten minutes
    python benchmarks/versus.py --only small --only many     some parts
    python benchmarks/versus.py --write docs/performance.md  and the table into the page

Parts: steps, optimum, small, many, selection, memory, limits, itself. Same data, and the same
start where a peer takes one (mlpack does not); ours and theirs run in turn, so that both meet the
same machine; every number is a median, every ratio is theirs / ours with its range, and more is
better for emix. A peer that cannot be run keeps its row, which says why. No row is left out because
it loses. `--json FILE` (docs/performance.json with --write) has all of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from measuring import Row, duration, machine
from peers import Peer, installed
from rows import groups, itself, limits, memory, optimum, selection, small, steps
from threadpoolctl import threadpool_limits
from writing import written

PARTS = {"steps": steps, "optimum": optimum, "small": small, "many": groups,
         "selection": selection, "memory": memory, "limits": limits, "itself": itself}
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
    lines = []
    for part, same in groupby(rows, key=lambda row: row.part):
        lines += [f"\n### {part[0].upper()}{part[1:]}\n",
                  "| what | beside | emix | theirs | ratio (range) | remark |",
                  "|---|---|---:|---:|---:|---|"]
        before = ""
        for row in same:
            what = "" if row.what == before else row.what
            before = row.what
            lines.append(f"| {what} | {row.peer} | {duration(row.ours, row.unit)} | "
                         f"{duration(row.theirs, row.unit)} | {ratio(row)} | {row.remark} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be repeated")
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    parser.add_argument("--write", type=Path, metavar="PAGE",
                        help="put the table into this page, between its markers")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    begin, was = time.perf_counter(), machine()
    peers, missing = installed()
    told = f"{was}; beside " + ", ".join(f"{peer.name} {peer.version}" for peer in peers)
    if missing:
        told += f"; not installed, left out: {', '.join(missing)}"
    print(told, flush=True)
    rows: list[Row] = []
    for part in given.only or PARTS:
        for row in compared(part, peers):
            if not rows or (row.part, row.what) != (rows[-1].part, rows[-1].what):
                print(f"{row.part}: {row.what}")
            print(printed(row), flush=True)
            rows.append(row)
    for peer in peers:
        peer.close()
    print(f"{time.perf_counter() - begin:.0f} s")
    command = " ".join(["python benchmarks/versus.py", *(f"--only {p}" for p in given.only or ())])
    page = given.json or (given.write.with_suffix(".json") if given.write else None)
    if page:
        page.write_text(json.dumps({"machine": told, "command": command,
                                    "rows": [row.as_dict() for row in rows]}, indent=1) + "\n")
    if given.write:
        written(given.write, "versus", f"`{command}`, on {told}.\n{table(rows)}")


if __name__ == "__main__":
    sys.exit(main())
