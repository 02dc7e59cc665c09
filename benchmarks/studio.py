"""What a step in the studio takes, from the press of the button until it is painted.

    python benchmarks/studio.py [ROWS ...]

In headless Chromium, with motion reduced, so that the first frame after a step shows all of it.
Beside it stands what the same step takes in `emix.steps`, in this process, in the same run. It
needs emix's extras `studio` and `browser`, and Chromium (or what CHROMIUM names).
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

import emix

STEPS = 25
# What the tests of the page ask as well.
REPAINTS = (Path(__file__).parent.parent / "tests/studio/repaints.js").read_text()


def data(n: int, d: int) -> Any:
    """Three overlapping components in d columns, to four decimals."""
    random = np.random.default_rng(0)
    centres = np.array([0.0, 3.0, 7.0])[random.choice(3, n, p=[0.5, 0.3, 0.2])]
    return (random.normal(size=(n, d)) + centres[:, None]).round(4)


def main(sizes: list[int]) -> None:
    print(f"{'rows':>9} {'columns':>7} {'step to repaint, ms':>28} {'emix.steps alone, ms':>22}")
    print(f"{'':>17} {'median':>10} {'90%':>8} {'worst':>8}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        for n, d in [(n, d) for n in sizes for d in (1, 2)]:
            rows = data(n, d)
            file = Path(folder, "rows.csv")
            names = ",".join(f"x{j + 1}" for j in range(d))
            np.savetxt(file, rows, "%.4f", ",", header=names, comments="")
            taken = sorted(in_the_studio(browser, file, d))
            print(f"{n:>9} {d:>7} {statistics.median(taken):>10.1f} "
                  f"{taken[int(0.9 * len(taken))]:>8.1f} {taken[-1]:>8.1f} {alone(rows):>22.1f}")
        browser.close()


def in_the_studio(browser: Any, file: Path, d: int) -> list[float]:
    studio = subprocess.Popen([sys.executable, "-m", "emix.cli", "studio", str(file), "--no-open"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert studio.stdout is not None
    context = browser.new_context(viewport={"width": 1440, "height": 900},
                                  reduced_motion="reduce")
    try:
        page = context.new_page()
        page.goto(studio.stdout.readline().strip())
        page.wait_for_selector("#work:not([hidden])", timeout=120_000)
        if d > 1:
            page.locator("#columns input").last.evaluate("element => element.click()")
            page.wait_for_selector("#picture :is(image, .dots circle)", timeout=120_000)
        page.locator("#more").click()
        page.wait_for_selector("#k >> text=3")
        taken: list[float] = page.evaluate(REPAINTS, STEPS)
        return taken
    finally:
        context.close()
        studio.terminate()
        studio.wait()


def alone(rows: Any) -> float:
    """Milliseconds of a step of `emix.steps`, the median of as many."""
    d = rows.shape[1]
    start = emix.Mixture([1 / 3] * 3, np.repeat([[0.0], [3.0], [7.0]], d, 1), [np.eye(d)] * 3)
    taken, last = [], time.perf_counter()
    for _ in islice(emix.steps(rows, start), STEPS):
        taken.append(1e3 * (time.perf_counter() - last))
        last = time.perf_counter()
    return statistics.median(taken)


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [272, 100_000, 1_000_000])
