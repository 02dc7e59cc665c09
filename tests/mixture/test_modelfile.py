"""Model files come back to the bit, are written whole, and are read with suspicion."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import stat
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import harmless, mutated, originals

import emix
from emix import ModelFileError, ParameterError, wholefile
from emix.arrays import Units
from emix.covariance import Dense, Diagonal
from emix.mixture import modelfile
from emix.wholefile import write_whole

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX links and permissions")
mixture = emix.Mixture.univariate([0.25, 0.75], [-1.5, 2.0], [0.1, 3.0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.json"


def test_a_model_comes_back_with_what_was_said_about_it(path: Path) -> None:
    modelfile.save(mixture, path, columns=["waiting"], n=272)
    assert emix.load(path) == mixture
    assert modelfile.read(path) == (mixture, {"columns": ["waiting"], "n": 272})


finite = st.floats(-1e300, 1e300)
positive = st.floats(1e-300, 1e300)


@settings(max_examples=60)
@given(st.lists(st.tuples(finite, positive), min_size=1, max_size=6))
def test_every_bit_comes_back(tmp_path_factory: Any, components: list[tuple[float, float]]) -> None:
    means, sds = zip(*components, strict=True)
    k = len(components)
    some = emix.Mixture.univariate([1 / k] * k, means, sds)
    path = tmp_path_factory.mktemp("bits") / "m.json"
    modelfile.save(some, path)
    back = emix.load(path)
    assert back == some
    assert back.sds.tolist() == some.sds.tolist()


def test_several_columns_come_back(path: Path) -> None:
    two = emix.Mixture([1.0], [[1.0, 2.0]], [[[2.0, 0.3], [0.3, 1.0]]])
    for some in (two, two.inward(Units(np.full(2, 0.1), np.full(2, 4.0))),
                 emix.Mixture.trusted(np.ones(1), two.means, Diagonal(np.array([[0.1, 1e-200]])))):
        modelfile.save(some, path)
        back = emix.load(path)
        assert back == some and type(back.covariance) is type(some.covariance)
        np.testing.assert_array_equal(back.covariances, some.covariances)


def test_files_of_the_first_version_are_read(path: Path) -> None:
    """As emix 0.1 wrote them: sds and matrices in one column, matrices alone in more."""
    path.write_text("""{"format": "emix mixture", "version": 1, "mixture": {
        "weights": [0.25, 0.75], "means": [[-1.5], [2.0]],
        "covariances": [[[0.010000000000000002]], [[9.0]]], "sds": [0.1, 3.0]},
        "about": {"columns": ["waiting"]}}""")
    assert modelfile.read(path) == (mixture, {"columns": ["waiting"]})
    path.write_text("""{"format": "emix mixture", "version": 1, "mixture": {
        "weights": [1.0], "means": [[1.0, 2.0]], "covariances": [[[2.0, 0.3], [0.3, 1.0]]]},
        "about": {}}""")
    assert emix.load(path) == emix.Mixture([1.0], [[1.0, 2.0]], [[[2.0, 0.3], [0.3, 1.0]]])


def test_a_file_is_laid_out_for_people(path: Path) -> None:
    modelfile.save(mixture, path, columns=["waiting"], prior={"mean": 1.0})
    assert path.read_text() == """{
 "format": "emix mixture",
 "version": 2,
 "mixture": {
  "weights": [0.25, 0.75],
  "means": [[-1.5], [2.0]],
  "sds": [0.1, 3.0]
 },
 "about": {
  "columns": ["waiting"],
  "prior": {"mean": 1.0}
 }
}
"""


def test_what_could_not_be_read_again_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wholefile, "MOST_BYTES", 1 << 20)
    factors = np.tril(np.full((1, 500, 500), 0.125))
    wide = emix.Mixture.trusted(np.ones(1), np.zeros((1, 500)), Dense(factors))
    with pytest.raises(ParameterError, match="would be larger than 1 MB, and not"):
        modelfile.save(wide, path)
    assert not path.exists()


def altered(**changes: Any) -> str:
    plain: dict[str, Any] = {"format": modelfile.FORMAT, "version": modelfile.VERSION,
                             "mixture": mixture.to_dict(), "about": {}}
    return json.dumps(plain | changes)


def with_mixture(**changes: Any) -> str:
    return altered(mixture=mixture.to_dict() | changes)


HOSTILE = {
    "empty": "",
    "blank": "  \n",
    "not JSON": "weights: 0.5",
    "a list": "[]",
    "null": "null",
    "a number": "3",
    "other format": altered(format="pickle"),
    "no format": "{}",
    "later version": altered(version=3),
    "version 0": altered(version=0),
    "version 1.5": altered(version=1.5),
    "version a list": altered(version=[1]),
    "version true": altered(version=True),
    "version text": altered(version="1"),
    "no mixture": altered(mixture=None),
    "mixture a list": altered(mixture=[1]),
    "about a list": altered(about=[1]),
    "no weights": altered(mixture={"means": [[0]], "covariances": [[[1]]]}),
    "weights do not sum to 1": with_mixture(weights=[0.25, 0.7]),
    "negative weight": with_mixture(weights=[-0.25, 1.25]),
    "weights empty": with_mixture(weights=[]),
    "weights an object": with_mixture(weights={"a": 1}),
    "weights text": with_mixture(weights="half"),
    "weights null": with_mixture(weights=[None, 1]),
    "ragged means": with_mixture(means=[[1], [2, 3]]),
    "three means": with_mixture(means=[[1], [2], [3]]),
    "flat means": with_mixture(means=[1, 2]),
    "sds for two columns": with_mixture(means=[[1, 1], [2, 2]]),
    "sd zero": with_mixture(sds=[0, 1]),
    "sd negative": with_mixture(sds=[-1, 1]),
    "three sds": with_mixture(sds=[1, 1, 1]),
    "flat covariances": with_mixture(covariances=[1, 1]),
    "other covariances": with_mixture(covariances=[[[0.01]], [[4]]]),
    "two forms": with_mixture(cholesky=[[[0.1]], [[3]]]),
    "NaN": with_mixture(weights=[float("nan"), 1.0]),
    "Infinity": with_mixture(means=[[float("inf")], [1.0]]),
    "-Infinity": with_mixture(means=[[float("-inf")], [1.0]]),
    "1e999": with_mixture().replace("-1.5", "1e999"),
    "10⁵ digits": with_mixture().replace("-1.5", "9" * 100_000),
    "a million digits": with_mixture().replace("-1.5", "0." + "9" * 1_000_000 + "e999999"),
    "deep lists": "[" * 1_000_000,
    "deep mixture": altered(mixture="HERE").replace('"HERE"', '{"a":' * 300_000),
    "deep means": with_mixture(means="HERE").replace('"HERE"', "[" * 900 + "]" * 900),
    "many numbers": with_mixture(weights="HERE").replace("\"HERE\"", "[" + "0," * 10**6 + "1]"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_at_once(path: Path, content: str) -> None:
    path.write_text(content)
    began = time.monotonic()
    with pytest.raises(ModelFileError, match=r"m\.json"):
        emix.load(path)
    assert time.monotonic() - began < 1


def test_matrices_that_are_no_covariances_are_refused(path: Path) -> None:
    two = emix.Mixture([1.0], [[1.0, 2.0]], [[[2.0, 0.3], [0.3, 1.0]]]).to_dict()
    for wrong in ([[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.5], [0.4, 1.0]], [[1.0]], [[-1.0, 0], [0, 1]]):
        path.write_text(altered(mixture=two | {"covariances": [wrong]}))
        with pytest.raises(ModelFileError, match=r"m\.json"):
            emix.load(path)


@pytest.mark.parametrize("changes", [
    {"cholesky": [[[2, 1], [0, 1]]]}, {"cholesky": [[[2, 0], [1, 0]]]}, {"cholesky": [[[2]]]},
    {"cholesky": [2, 1]}, {"cholesky": None}, {"sds": [[1, -1]]}, {"axes": [[1, 1]]},
    {"axes": [[1, 1]], "orientations": [[[1, 1], [0, 1]]]},
    {"axes": [[1, 1]], "orientations": [[[1, 0], [0, 1e300]]]}, {},
])
def test_forms_that_are_no_covariances_are_refused(path: Path, changes: Any) -> None:
    plain = {"weights": [1.0], "means": [[1.0, 2.0]], **changes}
    path.write_text(altered(mixture=plain))
    with pytest.raises(ModelFileError, match=r"m\.json"):
        emix.load(path)


def test_what_is_no_text_file_is_refused(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"\x80\x04\x95")
    for wrong in (path, tmp_path, tmp_path / "none.json"):
        with pytest.raises(ModelFileError, match=wrong.name):
            emix.load(wrong)


def test_mutations_of_files_are_harmless(path: Path) -> None:
    """tests/nightly/mutations.py does it a million times."""
    chance, valid = random.Random(3), originals()
    for _ in range(300):
        raw = mutated(chance.choice(valid), valid, chance)
        assert harmless(path, raw) is None, raw


def test_memory_is_a_few_times_the_file(path: Path) -> None:
    emix.Mixture.univariate([0.001] * 1000, range(1000), [1.5] * 1000).save(path)
    for content in (path.read_bytes(), b"[" + b"1.5," * 200_000 + b"1]", b"[" * 60 + b"]" * 60):
        path.write_bytes(content)
        tracemalloc.start()
        with contextlib.suppress(ModelFileError):
            emix.load(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10 * len(content) + (256 << 10)


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_byte_is_refused_or_harmless(tmp_path_factory: Any, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("damage") / "m.json"
    raw = bytearray(altered().encode())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        loaded = emix.load(path)
    except ModelFileError:
        return
    assert abs(loaded.weights.sum() - 1) < 1e-9 and (loaded.sds > 0).all()


# --- writing


def test_numbers_that_are_none_are_not_written(path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        modelfile.save(mixture, path, loglik=float("nan"))
    assert not path.exists()


def pieces_that_fail() -> Iterator[str]:
    yield "half of it"
    raise OSError(errno.ENOSPC, "No space left on device")


def failing(*_: object) -> None:
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("broken", ["replace", "fsync", "chmod"])
def test_a_failure_leaves_what_was_there(
    path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    modelfile.save(mixture, path)
    before = path.read_bytes()
    monkeypatch.setattr(os, broken, failing)
    with pytest.raises(OSError, match="Input/output"):
        write_whole(path, "something else")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_on_the_way_leaves_what_was_there(path: Path) -> None:
    path.write_text("old")
    with pytest.raises(OSError, match="No space"):
        write_whole(path, pieces_that_fail())
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["Φ\n", "Φ\n".encode(), iter(["Φ", "\n"])])
def test_text_bytes_and_pieces_are_written_as_they_are(path: Path, content: Any) -> None:
    write_whole(path, content)
    assert path.read_bytes() == b"\xce\xa6\n"


@posix
def test_permissions_are_those_of_any_file_and_stay_what_they_were(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("")
    write_whole(path, "first")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
    path.chmod(0o640)
    write_whole(path, "second")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_text() == "second"


@posix
def test_links_are_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "real.json"
    for content in ("new", "newer"):
        if not path.is_symlink():
            path.symlink_to(target)
        write_whole(path, content)
        assert path.is_symlink() and target.read_text() == content


@posix
def test_a_device_is_written_to_and_not_replaced() -> None:
    write_whole("/dev/null", "gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


Save = Callable[[emix.Mixture, Path], None]


@pytest.mark.parametrize("place", ["none/m.json", "."])
def test_a_place_that_cannot_be_raises_oserror(tmp_path: Path, place: str) -> None:
    with pytest.raises(OSError, match=r"none|irectory"):
        modelfile.save(mixture, tmp_path / place)
