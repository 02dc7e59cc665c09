"""emix beside itself and its base: `import emix` against `import numpy`, each in a fresh
interpreter, and the kernel's newest instruction set against the one before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from measuring import Row, in_turn
from peers import Peer

from emix.kernels import instruction_set

PART = "import, and instruction sets"
STEPS = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
from data import table
from measuring import timing
from rows.steps import our_step
step = timing(our_step(table({n}, {d}, {k}, {covariance!r}, "cloud")))
step()
print(np.median([step() for _ in range(9)]))
"""
SHAPES = ((100_000, 2, 5, "full"), (20_000, 16, 16, "full"), (20_000, 64, 64, "diag"))
BEFORE = {"x86-64-v4": "x86-64-v3", "x86-64-v3": "x86-64-v2"}


def rows(peers: Sequence[Peer]) -> Iterator[Row]:
    yield in_turn(PART, "import in a fresh interpreter", "numpy", _importing("emix"),
                  _importing("numpy"), 8.0)
    newest = instruction_set()
    if newest in BEFORE:
        for n, d, k, covariance in SHAPES:
            code = STEPS.format(folder=str(Path(__file__).parent.parent), n=n, d=d, k=k,
                                covariance=covariance)
            yield in_turn(
                PART, f"EM step, n = {n:g}, d = {d}, k = {k}, {covariance}, cloud", BEFORE[newest],
                _run(code, newest), _run(code, BEFORE[newest]), 4.0)


def _importing(module: str):
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return _run(code)


def _run(code: str, level: str | None = None):
    """Seconds that a process of its own prints."""
    environment = dict(os.environ) if level is None else \
        {**os.environ, "EMIX_INSTRUCTION_SET": level}

    def run() -> float:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True,
                              text=True, env=environment)
        return float(done.stdout)

    return run
