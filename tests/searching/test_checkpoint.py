"""A fit that is killed goes on from its checkpoint to the same bits."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emix
from emix.climbing import accelerate
from emix.climbing import climb as climbing
from emix.covariance import STRUCTURES
from emix.errors import CheckpointError, WriteError
from emix.kernels import NATIVE
from emix.searching import checkpoint, direct, finding, rounds
from emix.searching import whole as whole_data
from emix.searching.finding import SEARCH_ROWS

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
quiet = pytest.mark.filterwarnings("ignore::emix.NotConvergedWarning",
                                   "ignore::emix.DegenerateWarning")


def blobs(n: int, d: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    centres = 2.5 * rng.normal(size=(3, d))
    return centres[labels] + rng.normal(size=(n, d)) * (1 + labels[:, None])


def bits(found: emix.Fit) -> tuple[Any, ...]:
    """All that a fit says, to the bit; mixtures compare so."""
    told = [(o.loglik.hex(), o.objective.hex(), o.starts, o.outcome, o.mixture.to_dict())
            for o in found.optima]
    return (told, found.trace.tolist(), found.n_iter, found.gradient.hex(), found.outcome,
            found.classification, found.warnings)


class Enough(Exception):
    """Stands for a SIGKILL: nothing catches it."""


class Killing:
    """A progress callback that kills a fit the n-th time that it is told of."""

    def __init__(self, n: int) -> None:
        self.left = n

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise Enough


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fit.json"


@pytest.fixture(autouse=True)
def at_every_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step that may be kept is, as in a fit whose steps take seconds."""
    monkeypatch.setattr(checkpoint, "BETWEEN", 0.0)
    monkeypatch.setattr(checkpoint, "SPARING", 0.0)


def resumed(path: Path, x: Any, k: int, kills: list[int], **arguments: Any) -> emix.Fit:
    """A fit killed again and again, and let end at last."""
    for kill in kills:
        with pytest.raises(Enough):
            emix.fit(x, k, checkpoint=path, progress=Killing(kill), **arguments)
        json.loads(path.read_text())
    return emix.fit(x, k, checkpoint=path, **arguments)


def in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the data were too much for native climbs, which search it all the same."""
    monkeypatch.setattr(direct, "serves", lambda source, model: False)
    for choice in ("runs_natively", "climbs_natively"):
        monkeypatch.setattr(rounds, choice, lambda *_: False)
    # Where a climb forgets what it has learned, and Newton's turn begins: as after 64 and 16 steps.
    monkeypatch.setattr(rounds, "MEMORY", 4)
    monkeypatch.setattr(accelerate, "MEMORY", 4)
    monkeypatch.setattr(accelerate, "BEFORE_NEWTON", 2)


# --- much data: Python's loop


@quiet
@pytest.mark.parametrize("structure", [*STRUCTURES, "E", "V"])
def test_a_killed_climb_ends_with_the_same_bits(
    path: Path, structure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "SEARCH_ROWS", 100)
    in_python(monkeypatch)
    x = blobs(300, 1 if len(structure) == 1 else 3)
    settings = {"covariance": structure, "max_iter": 19, "n_starts": 1, "tol": 0.0}
    whole = emix.fit(x, 3, **settings)
    kept = resumed(path, x, 3, [0, 5, 1, 4, 6, 0], **settings)
    assert bits(kept) == bits(whole)


@quiet
def test_several_climbs_one_after_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "SEARCH_ROWS", 100)
    in_python(monkeypatch)
    x = blobs(300, 2)
    settings = {"max_iter": 30, "seed": 3, "sample_weight": np.arange(1.0, 301.0)}
    whole = emix.fit(x, 4, **settings)
    assert len(whole.optima) > 1
    told: list[climbing.Progress] = []
    emix.fit(x, 4, checkpoint=path, progress=told.append, **settings)
    path.unlink()
    kept = resumed(path, x, 4, [0, len(told) // 3, len(told) // 4, 1, 5], **settings)
    assert bits(kept) == bits(whole)


# --- native climbs: rounds


@quiet
@pytest.mark.parametrize(("d", "structure"), [(1, "V"), (1, "E"), (3, "VEV"), (3, "VVE"),
                                              (2, "EEE"), (2, "VVI")])
def test_rounds_are_gone_on_from(
    path: Path, monkeypatch: pytest.MonkeyPatch, d: int, structure: str
) -> None:
    monkeypatch.setattr(rounds, "ROUND", 3)
    monkeypatch.setattr(rounds, "FIRST_ROUND", 3)
    x = blobs(300, d)
    start = emix.fit(x, 3, covariance=structure, n_starts=1, max_iter=2).mixture
    settings = {"covariance": structure, "start": start, "max_iter": 20}
    whole = emix.fit(x, 3, **settings)
    assert whole.n_iter > 12 and len(whole.trace) == whole.n_iter + 1
    kept = resumed(path, x, 3, [0, 1, 2, 0], **settings)
    assert bits(kept) == bits(whole)


@quiet
@pytest.mark.parametrize("d", [1, 2])
def test_the_last_climb_of_a_search_is_gone_on_from(
    path: Path, monkeypatch: pytest.MonkeyPatch, d: int
) -> None:
    for module, name, steps in (
        (finding, "PATIENCE", 4), (direct, "PATIENCE", 4), (emix.searching.search, "ROUND", 3),
    ):
        monkeypatch.setattr(module, name, steps)
    x = blobs(200, d)
    settings = {"n_starts": 2, "max_iter": 120}
    whole = emix.fit(x, 3, **settings)
    assert whole.n_iter > 70
    kept = resumed(path, x, 3, [0, 1, 2], **settings)
    assert bits(kept) == bits(whole)


def test_more_rows_than_are_searched(path: Path) -> None:
    x = blobs(SEARCH_ROWS + 1, 1)
    whole = emix.fit(x, 2)
    assert whole.compression is not None
    for again in ({}, {"threads": 1}):
        found = emix.fit(x, 2, checkpoint=path, **again)
        assert bits(found) == bits(whole) and found.compression == whole.compression
    text = path.read_text()
    for damaged in (text.replace('"points": ', '"points": -'),
                    text.replace('"compression": {', '"compression": [1], "c": {'),
                    text.replace('"width": "', '"width": "nan'),
                    text.replace('"reason": "', '"reason": 3, "r": "')):
        assert damaged != text
        path.write_text(damaged)
        with pytest.raises(CheckpointError, match="damaged checkpoint"):
            emix.fit(x, 2, checkpoint=path)


# --- a finished one


@pytest.mark.parametrize("start", [None, "mixture", "labels"])
def test_a_finished_fit_is_there_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, start: str | None
) -> None:
    x = blobs(200, 2)
    begin = {None: None, "labels": np.arange(200) % 2,
             "mixture": emix.Mixture([0.5, 0.5], [[0, 0], [1, 1]], [np.eye(2)] * 2)}[start]
    settings = {"start": begin, "prior": emix.DirichletPrior(2.0)}
    whole = emix.fit(x, 2, checkpoint=path, **settings)
    before = path.read_bytes()

    def never(*_: object) -> None:
        raise AssertionError("it was searched again")

    for room, name in ((finding, "search"), (finding, "follow"), (finding, "climb_all"),
                       (whole_data, "climb_all")):
        monkeypatch.setattr(room, name, never)
    assert bits(emix.fit(x, 2, checkpoint=path, **settings)) == bits(whole)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


# --- whose it is


def test_another_fit_is_refused_with_what_differs(path: Path) -> None:
    x = blobs(120, 2)
    emix.fit(x, 2, checkpoint=path)
    other = x.copy()
    other[7, 1] = np.nextafter(other[7, 1], 9.0)
    start = emix.Mixture([0.5, 0.5], [[0, 0], [1, 1]], [np.eye(2)] * 2)
    for data, changes, said in [
        (other, {}, "the data differs"), (x[:-1], {}, "the data differs"),
        (x.astype(np.float32), {}, "the data differs"),
        (x, {"sample_weight": np.full(120, 2.0)}, "the data differs"),
        (x, {"seed": 1}, "seed is 0 there, 1 here"),
        (x, {"covariance": "EEE"}, "covariance is 'VVV' there, 'EEE' here"),
        (x, {"weights": "equal"}, "what is held differs"),
        (x, {"prior": emix.NormalPrior(0.0, 9.0)}, "the prior differs"),
        (x, {"start": start}, "the start differs"), (x, {"n_starts": 3}, "n_starts is None there"),
        (x, {"tol": 1e-3}, "tol is 1e-10 there, 0.001 here"), (x, {"max_iter": 9}, "max_iter is"),
        (x[:, :1], {}, "d is 2 there, 1 here"),
    ]:
        with pytest.raises(CheckpointError, match="a checkpoint of another fit") as error:
            emix.fit(data, 2, checkpoint=path, **changes)
        assert said in str(error.value) and str(path) in str(error.value)
    with pytest.raises(emix.ModelFileError, match="k is 2 there, 3 here; fit that again"):
        emix.fit(x, 3, checkpoint=path)


def test_another_kernel_goes_on_and_says_so(path: Path) -> None:
    x = blobs(120, 2)
    whole = emix.fit(x, 2, checkpoint=path)
    path.write_text(path.read_text().replace(emix.kernels.instruction_set(), "abacus"))
    kept = emix.fit(x, 2, checkpoint=path)
    assert kept.mixture == whole.mixture and "of another kernel (abacus" in kept.warnings[0]


DAMAGE = {
    "cut short": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "a model file": lambda text: text.replace("emix checkpoint", "emix mixture"),
    "a later version": lambda text: text.replace('"version": 1', '"version": 2'),
    "a weight too many": lambda text: text.replace('"weights": [', '"weights": [0.1, '),
    "a wrong outcome": lambda text: text.replace('"outcome": "converged"', '"outcome": "well"'),
    "no candidate": lambda text: text.replace('"candidates"', '"cand"'),
    "a negative count": lambda text: text.replace('"starts": ', '"starts": -'),
    "text for a number": lambda text: text.replace('"iterations": ', '"iterations": "1", "i": '),
    "a shorter trace": lambda text: text.replace('"trace": [', '"trace": [0.5], "t": ['),
    "NaN": lambda text: text.replace('"trace": [', '"trace": [NaN, '),
    "no hexadecimal": lambda text: text.replace('"loglik": "', '"loglik": "x'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_refused(path: Path, damage: str) -> None:
    x = blobs(120, 2)
    emix.fit(x, 2, checkpoint=path)
    text = path.read_text()
    damaged = DAMAGE[damage](text)
    assert damaged != text
    path.write_text(damaged)
    with pytest.raises(CheckpointError, match=r"fit\.json"):
        emix.fit(x, 2, checkpoint=path)
    assert path.read_text() == damaged


# --- disks


def failing(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_checkpoint_that_cannot_be_is_told_before_the_search(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = blobs(120, 2)
    for place in (path / "deeper", path.parent / "none" / "fit.json"):
        path.write_text("") if place.parent == path else None
        with pytest.raises(WriteError, match="fit"):
            emix.fit(x, 2, checkpoint=place)
    path.unlink()
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(WriteError, match="No space left"):
        emix.fit(x, 2, checkpoint=path)
    assert not list(path.parent.iterdir())


@quiet
def test_a_disk_that_fills_up_does_not_cost_the_fit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = blobs(120, 2)
    whole = emix.fit(x, 2)
    monkeypatch.setattr(finding, "follow", Killing(0))
    with pytest.raises(Enough):
        emix.fit(x, 2, checkpoint=path)
    monkeypatch.undo()
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", failing)
    kept = emix.fit(x, 2, checkpoint=path)
    assert kept.mixture == whole.mixture
    assert "could not be kept" in kept.warnings[0] and "No space left" in kept.warnings[0]
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_a_killed_writer_left_is_swept(path: Path) -> None:
    x = blobs(120, 2)
    emix.fit(x, 2, checkpoint=path)
    for name in (".fit.json.emix-1234.tmp", ".other.json.emix-1234.tmp"):
        (path.parent / name).write_text("half of")
    emix.fit(x, 2, checkpoint=path)
    assert sorted(p.name for p in path.parent.iterdir()) == [".other.json.emix-1234.tmp",
                                                             "fit.json"]


# --- Ctrl-C, and what it leaves


class Pressing:
    """A progress callback that presses Ctrl-C the n-th time that it is told."""

    def __init__(self, n: int) -> None:
        self.left = n

    def __call__(self, _: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@quiet
def test_after_ctrl_c_a_fit_goes_on_to_the_same_bits(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "SEARCH_ROWS", 100)
    in_python(monkeypatch)
    x = blobs(300, 2)
    whole = emix.fit(x, 3, max_iter=15)
    for presses in (0, 3, 20, 0):
        cut = emix.fit(x, 3, max_iter=15, checkpoint=path, progress=Pressing(presses))
        assert cut.outcome is emix.Outcome.INTERRUPTED and cut.objective <= whole.objective + 1e-9
    assert bits(emix.fit(x, 3, max_iter=15, checkpoint=path)) == bits(whole)


@pytest.mark.skipif(NATIVE is None, reason="native kernel not built: there are no rounds without")
@quiet
def test_ctrl_c_between_rounds_keeps_the_last(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "ROUND", 3)
    monkeypatch.setattr(rounds, "FIRST_ROUND", 3)
    x = blobs(300, 2)
    start = emix.fit(x, 3, start="random", n_starts=1, max_iter=0).mixture
    settings = {"start": start, "max_iter": 20}
    whole = emix.fit(x, 3, **settings)
    cut = emix.fit(x, 3, checkpoint=path, progress=Pressing(2), **settings)
    assert cut.outcome is emix.Outcome.INTERRUPTED and cut.n_iter == 9
    # In the units of the data, to which they come by adding one number.
    np.testing.assert_allclose(cut.trace, whole.trace[:10], rtol=1e-14)
    assert bits(emix.fit(x, 3, checkpoint=path, **settings)) == bits(whole)


# --- SIGKILL itself; tests/nightly/kills.py does it hundreds of times

PROGRAM = """
import sys
import numpy as np
import emix
from emix.searching import checkpoint
from emix.searching import finding
from emix.searching import rounds
checkpoint.BETWEEN = checkpoint.SPARING = 0.0
finding.SEARCH_ROWS = 500
rounds.runs_natively = rounds.climbs_natively = lambda *_: False
x = np.random.default_rng(0).standard_normal((2000, 2)) ** 3
print("begun", flush=True)
found = emix.fit(x, 3, max_iter=100, n_starts=2, checkpoint=sys.argv[1] if sys.argv[1:] else None)
print(found.loglik.hex(), found.n_iter, found.trace.tolist(), found.mixture.to_dict())
"""


@posix
def test_sigkill_at_any_moment(path: Path) -> None:
    def program(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, *words], stdout=subprocess.PIPE,
            text=True, env=os.environ)
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        return process

    whole = program().communicate()[0]
    chance = random.Random(1)
    for _ in range(2):
        process = program(str(path))
        try:
            out, _ = process.communicate(timeout=chance.uniform(0.0, 0.2))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            out = process.communicate()[0]
        assert out in ("", whole)
    assert program(str(path)).communicate()[0] == whole
