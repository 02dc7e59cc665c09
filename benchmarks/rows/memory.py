"""Peak memory beyond the data: a few EM steps over many rows, each in a process of its own.

What is counted is how far the process's peak rises once the libraries are loaded and the data is
there, so that neither counts. emix runs `emix.fit(x, k, start=..., max_iter=...)`, peers their
climb of as many steps.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from measuring import Row
from peers import Peer

PART = "peak memory beyond the data"
ROWS, COLUMNS, K, STEPS = 400_000, 8, 8, 5
SECONDS = 150
CODE = """
import sys, warnings
sys.path.insert(0, {folder!r})
warnings.simplefilter("ignore")
from data import table
from rows.memory import measured
problem = table({rows}, {columns}, {k}, "full")
print("MB", measured({peer!r}, problem))
"""


def rows(peers: Sequence[Peer]) -> Iterator[Row]:
    data = ROWS * COLUMNS * 8e-6
    told = f"n = {ROWS:g}, d = {COLUMNS}, k = {K}, {STEPS} EM steps (data: {data:.0f} MB)"
    ours = _asked("emix")
    for peer in peers:
        theirs = _asked(peer.name)
        if isinstance(ours, str) or isinstance(theirs, str):
            yield Row.unrun(PART, told, peer.name, str(theirs))
            continue
        # What is under a megabyte may not raise the peak at all.
        ratio = theirs / max(ours, 1.0)
        yield Row(PART, told, peer.name, ours, theirs, ratio, ratio, ratio, peer.remark,
                         "MB")


def measured(name: str, problem) -> float:
    """MB by which the peak of this process, or of R's, rises."""
    from dataclasses import replace

    import peers

    import emix

    few = replace(problem, x=problem.x[:2000].copy())
    if name == "emix":
        def run(given, steps):
            return emix.fit(given.x, given.start.n_components, start=given.start, max_iter=steps)
    else:
        peer = next(kind for kind in peers.PEERS if kind.name == name)()
        if name.startswith("mclust"):
            return peer.memory(problem, STEPS)
        run = peer.climb
    run(few, 2)
    before = peak()
    run(problem, STEPS)
    return peak() - before


def peak() -> float:
    """MB that this process has held at most. What `getrusage` says of a process begins with what
    the one that started it held; where there is nothing else, it has to do."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _asked(name: str) -> float | str:
    here = Path(__file__).parent.parent
    code = CODE.format(folder=str(here), rows=ROWS, columns=COLUMNS, k=K, peer=name)
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              env=dict(os.environ), timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"took more than {SECONDS} s"
    for line in done.stdout.splitlines():
        if line.startswith("MB "):
            return float(line.split()[1])
    said = done.stderr.strip().splitlines()
    return said[-1] if said else "ended without a word"
