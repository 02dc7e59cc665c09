"""Readers of files under libFuzzer, which looks for inputs that take new ways through the code.

    python tests/nightly/fuzz.py model|text [SECONDS] [FOLDER]

`model` is a saved mixture (and whatever calls itself a checkpoint), `text` a table in delimited
text. Either may be refused with an error of emix, which says so; anything else ends the run, and
libFuzzer writes the input down. FOLDER keeps the corpus from one night to the next. Needs
`pip install atheris`.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris")

with atheris.instrument_imports(include=["emix"]):
    from mutations import harmless, originals

    import emix
    from emix.sources.opening import open_source

    # Imported when the first file is read, which would be too late.
    for module in ("cells", "delimited", "layout", "sheet", "text"):
        importlib.import_module(f"emix.sources.{module}")

TABLES = (
    b"x\n1\n2\n3.5\n", b"x,y\n1,2\n-3e5,4\n", b"a\tb\n1\t2\n", b'"a ""b""",c\r\n1,2\r\n',
    b"\xef\xbb\xbfx;y\n1,5;2,5\n", b"# said\nx\n.5\n", b"1 2\n3 4\n", b"x,y\n1,\n2,NA\n",
    b"x\n1_000\n", b"x\n0x10\n", b"x\ninf\n", "größe,σ\n1,2\n".encode(), b'x\n"1\n2"\n',
)
# Seconds after which libFuzzer takes an input for a hang, and megabytes that it may take.
HANG, MEGABYTES = 5, 4096


def model(raw: bytes) -> None:
    """A damaged model file or checkpoint is refused, or gives a mixture."""
    problem = harmless(PLACE / "m.json", raw)
    if problem is not None:
        raise AssertionError(problem)


def table(raw: bytes) -> None:
    """Text is refused, or gives finite numbers, as many in each row as there are names."""
    path = PLACE / ("t.tsv" if raw[:1] == b"\t" else "t.csv")
    path.write_bytes(raw)
    try:
        source, names = open_source(str(path), None, None)
    except emix.EmixError:
        return
    points = source.block.points
    assert points.shape[1] == len(names) > 0 and len(points) > 0
    assert all(map(math.isfinite, points.ravel().tolist()))


def main(kind: str, seconds: int, folder: str | None) -> None:
    seeds, target = {"model": (originals(), model), "text": (TABLES, table)}[kind]
    corpus = Path(folder or PLACE / "corpus")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    arguments = [f"-max_total_time={seconds}", f"-timeout={HANG}", f"-rss_limit_mb={MEGABYTES}",
                 "-max_len=20000", "-print_final_stats=1", f"-artifact_prefix={os.getcwd()}/",
                 str(corpus)]
    atheris.Setup([sys.argv[0], *arguments], target)
    atheris.Fuzz()


if __name__ == "__main__":
    shm = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shm) as place:
        PLACE = Path(place)
        main(sys.argv[1], int((sys.argv[2:] or ["120"])[0]), (sys.argv[3:] or [None])[0])
