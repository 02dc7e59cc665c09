"""Where mixtures of normals go wrong elsewhere: ours beside scikit-learn, in one run.

    python benchmarks/reliability.py            prints the table
    python benchmarks/reliability.py --write    and writes docs/reliability.md

Each line names a failure, the tests that hold it, and what emix and scikit-learn say today. Lines
that scikit-learn has no part in have a dash.
"""

from __future__ import annotations

import sys
import textwrap
import time
import warnings
from pathlib import Path

import sklearn
from failing.lines import LINES, Said

HERE = Path(__file__).parent.parent


def said(speaker: Said | str) -> str:
    if isinstance(speaker, str):
        return speaker
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            text = speaker()
        except Exception as error:
            first = textwrap.shorten(str(error), 90, placeholder=" …")
            return f"{type(error).__name__}: {first}"
    told = {w.category.__name__ for w in caught}
    return text + (f" ({', '.join(sorted(told))})" if told else "")


HEAD = """# Where others fail

Failures of mixture software, collected from its trackers and found when the reference cases were
made, the tests that hold each in emix, and what emix and scikit-learn {version} said when `python
benchmarks/reliability.py --write` was last run. {count} lines. “NotConvergedWarning” and the like
in brackets are warnings given.

Beyond the table, at night (`tests/nightly`): `kills.py` kills checkpointed fits at random moments
(200: every resumption ended with the bits of an unbroken fit), `mutations.py` reads damaged model
files and checkpoints (10⁶: every one refused or harmless, the slowest 0.01 s, memory at most three
times the file beside a quarter of a megabyte), `sanitize.sh` runs the kernel's tests under the
address and undefined-behaviour sanitizers, and `pytest --hypothesis-profile=nightly tests/laws`
tries the laws on ten thousand cases each.
"""


def table() -> str:
    count = sum(map(len, LINES.values()))
    text = [HEAD.format(version=sklearn.__version__, count=count)]
    number = 0
    for section, lines in LINES.items():
        text += [f"## {section}\n", "| | what | ours | scikit-learn | tests |",
                 "|---|---|---|---|---|"]
        for line in lines:
            number += 1
            began = time.perf_counter()
            cells = [said(line.ours), said(line.theirs)]
            tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in line.tests)
            cells = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
            text.append(f"| {number} | {line.what} | {cells[0]} | {cells[1]} | {tests} |")
            print(f"{number:3} {line.what}\n      ours:   {cells[0]}\n      theirs: {cells[1]}   "
                  f"[{time.perf_counter() - began:.1f} s]", file=sys.stderr, flush=True)
        text.append("")
    return "\n".join(text)


if __name__ == "__main__":
    page = table()
    if "--write" in sys.argv[1:]:
        (HERE / "docs" / "reliability.md").write_text(page)
    else:
        print(page)
