"""Damage model files and checkpoints at random, and see that reading them stays harmless.

    python tests/nightly/mutations.py [FILES] [SEED] [PROCESSES]

Each damaged file is refused with a `ModelFileError`, or holds a mixture that is one: nothing else
is raised, no file takes a second to read (of the processor's time) and none takes more memory than
ten times its size and a small allowance. Memory is traced for one file in a hundred: it is slow.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import resource
import sys
import tempfile
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np

import emix
from emix.covariance import STRUCTURES
from emix.mixture import modelfile
from emix.searching.checkpoint import Journal

SECONDS, TIMES, ALLOWANCE = 1.0, 10, 256 << 10
TRACED = 100
NASTY = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e-999", b"-0.0", b"0", b"1", b"-1",
    b"5e-324", b"1.7976931348623157e308", b"9" * 5000, b"0." + b"1" * 5000, b"null", b"true",
    b"false", b'""', b'"nan"', b"[]", b"{}", b"[[]]", b"[" * 70 + b"]" * 70, b'{"a":' * 70,
    b"[0," * 500, b'"\\ud800"', b'"\xff"', b"0x1p3", b"1_000", b"\xe2\x88\x9e", b"[1,2,3]",
    b"1e400",
    b'"0x1.8p+1"', b'"0x1p+99999"', b"1" + b"0" * 400, b"", b" ", b"\x00", b"\xef\xbb\xbf",
]
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
TOKEN = re.compile(rb'"[^"]*"|[\[\]{},:]|-?\d[\d.e+-]*|true|false|null')


def originals() -> list[bytes]:
    """Valid files: mixtures in every form that they are kept in, and checkpoints of fits."""
    rng = np.random.default_rng(0)
    files = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "m.json"
        x = rng.normal(size=(60, 3)) + rng.integers(0, 2, (60, 1)) * 4
        for name in STRUCTURES:
            fit = emix.fit(x, 2, covariance=name, n_starts=1, max_iter=5)
            fit.save(path)
            files.append(path.read_bytes())
        for k in (1, 3, 40):
            emix.Mixture.univariate(rng.dirichlet(np.ones(k)), rng.normal(size=k),
                                    rng.random(k) + 0.1).save(path, columns=["waiting"], n=272)
            files.append(path.read_bytes())
        for data, settings in ((x, {"n_starts": 1}), (x[:, 0], {"covariance": "E"})):
            emix.fit(data, 2, checkpoint=Path(folder) / "c.json", max_iter=20, **settings)
            files.append((Path(folder) / "c.json").read_bytes())
            os.unlink(Path(folder) / "c.json")
    return files


def mutated(raw: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """One to four damages of one kind or another."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        raw = chance.choice(DAMAGES)(raw or b" ", others, chance)
    return raw


def _flipped(raw: bytes, _: list[bytes], chance: random.Random) -> bytes:
    place = chance.randrange(len(raw))
    return raw[:place] + bytes([raw[place] ^ (1 << chance.randrange(8))]) + raw[place + 1:]


def _overwritten(raw: bytes, _: list[bytes], chance: random.Random) -> bytes:
    place = chance.randrange(len(raw))
    return raw[:place] + chance.randbytes(chance.randrange(1, 5)) + raw[place + 1:]


def _cut(raw: bytes, _: list[bytes], chance: random.Random) -> bytes:
    begin, end = sorted(chance.randrange(len(raw) + 1) for _ in range(2))
    return raw[:begin] if chance.random() < 0.3 else raw[:begin] + raw[end:]


def _repeated(raw: bytes, _: list[bytes], chance: random.Random) -> bytes:
    begin = chance.randrange(len(raw))
    piece = raw[begin: begin + chance.randrange(1, 80)]
    return raw[:begin] + piece * chance.choice((2, 2, 3, 100)) + raw[begin:]


def _number_replaced(raw: bytes, _: list[bytes], chance: random.Random) -> bytes:
    return _replaced(raw, NUMBER, chance.choice(NASTY), chance)


def _token_replaced(raw: bytes, _: list[bytes], chance: random.Random) -> bytes:
    return _replaced(raw, TOKEN, chance.choice(NASTY), chance)


def _token_taken_from_elsewhere(raw: bytes, others: list[bytes], chance: random.Random) -> bytes:
    tokens = TOKEN.findall(chance.choice(others))
    return _replaced(raw, TOKEN, chance.choice(tokens), chance)


def _replaced(raw: bytes, pattern: re.Pattern[bytes], by: bytes, chance: random.Random) -> bytes:
    places = list(pattern.finditer(raw))
    if not places:
        return raw + by
    place = chance.choice(places)
    return raw[:place.start()] + by + raw[place.end():]


def _spliced(raw: bytes, others: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    return raw[:chance.randrange(len(raw))] + other[chance.randrange(len(other)):]


DAMAGES = (_flipped, _overwritten, _cut, _repeated, _number_replaced, _token_replaced,
           _token_taken_from_elsewhere, _spliced)


def harmless(path: Path, raw: bytes) -> str | None:
    """What is wrong with how a damaged file is read, if anything; both readers read it."""
    path.write_bytes(raw)
    try:
        mixture, about = modelfile.read(path)
    except emix.ModelFileError:
        pass
    except BaseException as error:
        return f"a model file raised {error!r}"
    else:
        sums = abs(float(mixture.weights.sum()) - 1) < 1e-9 and (mixture.weights >= 0).all()
        numbers = np.isfinite(mixture.means).all()
        if not (sums and numbers and isinstance(about, dict)):
            return "a model file gave no mixture"
    identity = {"k": 2, "d": 3}
    journal = Journal(path, identity, "")
    if b"emix checkpoint" not in raw:
        return None
    found = re.search(rb'"fit": (\{.*?\})', raw, re.DOTALL)
    try:
        # Of its own fit, or all would be refused at the first look.
        import json

        journal.identity = json.loads(found.group(1)) if found else identity
        if not {"k", "d"} <= set(journal.identity):
            return None
    except (ValueError, TypeError):
        return None
    try:
        journal.open()
    except emix.ModelFileError:
        return None
    except BaseException as error:
        return f"a checkpoint raised {error!r}"
    for candidate in journal.candidates or []:
        if not np.isfinite(candidate.climb.mixture.means).all():
            return "a checkpoint gave no mixture"
    return None


def run(files: int, seed: int) -> tuple[float, float, list[str]]:
    """Reads so many damaged files: the slowest, the hungriest, and what went wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    chance, valid = random.Random(seed), originals()
    slowest = hungriest = 0.0
    wrong: list[str] = []
    shm = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shm) as folder:
        path = Path(folder) / "m.json"
        for number in range(files):
            raw = mutated(chance.choice(valid), valid, chance)
            traced = number % TRACED == 0
            if traced:
                tracemalloc.start()
            began = time.process_time()
            problem = harmless(path, raw)
            lasted = time.process_time() - began
            if traced:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                hungriest = max(hungriest, peak / (len(raw) + ALLOWANCE / TIMES))
                if peak > TIMES * len(raw) + ALLOWANCE:
                    problem = problem or f"{peak} bytes for a file of {len(raw)}"
            else:
                slowest = max(slowest, lasted)
                if lasted > SECONDS:
                    problem = problem or f"{lasted:.2f} s"
            if problem is not None:
                wrong.append(f"seed {seed}, file {number}: {problem}: {raw[:200]!r}")
    return slowest, hungriest, wrong


def main(files: int, seed: int, processes: int) -> int:
    began = time.perf_counter()
    shares = [files // processes + (i < files % processes) for i in range(processes)]
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        parts = pool.starmap(run, [(share, seed + i) for i, share in enumerate(shares)])
    wrong = [line for part in parts for line in part[2]]
    print(f"{files} damaged files in {time.perf_counter() - began:.0f} s: {len(wrong)} not read "
          f"harmlessly; the slowest took {max(p[0] for p in parts):.3f} s, memory was at most "
          f"{max(p[1] for p in parts):.1f} times the file with its allowance")
    print("\n".join(wrong[:20]))
    return 1 if wrong else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(numbers + [1_000_000, 1, os.cpu_count() or 1][len(numbers):])))
