"""Arrays as they come, files that cannot be written, and what must never be there."""

from __future__ import annotations

import ast
import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import emix
from emix import wholefile
from emix.errors import WriteError
from emix.wholefile import write_whole

SOURCE = Path(emix.__file__).parent
WHOLE = np.random.default_rng(2).integers(0, 2, (60, 2)).cumsum(axis=0) % 17


def same(a: emix.Fit, b: emix.Fit) -> bool:
    return a.mixture == b.mixture and a.loglik == b.loglik and a.trace.tolist() == b.trace.tolist()


def spread_out(x: np.ndarray) -> np.ndarray:
    """The same rows a long way apart in memory, in a column order of their own."""
    wide = np.full((len(x) * 257, x.shape[1] * 63), np.nan)
    wide[::257, ::63] = x
    return wide[::257, ::63]


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.setflags(write=False)
    return x


def unaligned(x: np.ndarray) -> np.ndarray:
    """Doubles that begin at an odd address."""
    memory = np.zeros(x.nbytes + 1, dtype=np.uint8)
    view = memory[1:].view(np.float64).reshape(x.shape)
    view[...] = x
    return view


AS = {
    "int8": lambda x: x.astype(np.int8), "uint64": lambda x: x.astype(np.uint64),
    "float16": lambda x: x.astype(np.float16), "float32": lambda x: x.astype(np.float32),
    "big-endian float": lambda x: x.astype(">f8"),
    "big-endian integer": lambda x: x.astype(">i4"), "objects": lambda x: x.astype(object),
    "Fortran order": np.asfortranarray, "backwards": lambda x: x[::-1].copy()[::-1],
    "every other": lambda x: np.repeat(x, 2, axis=0)[::2], "spread out": spread_out,
    "read only": read_only, "unaligned": unaligned, "lists": lambda x: x.tolist(),
    "a matrix": lambda x: np.asmatrix(x) if hasattr(np, "asmatrix") else x,
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", AS)
def test_the_same_numbers_are_the_same_fit(kind):
    table = WHOLE.astype(float)
    given = AS[kind](table)
    assert same(emix.fit(given, 2, n_starts=2), emix.fit(table, 2, n_starts=2))
    if kind != "a matrix":
        column = AS[kind](table[:, :1])
        wanted = emix.fit(table[:, 0], 2, n_starts=2)
        assert same(emix.fit(column, 2, n_starts=2), wanted)
        m = wanted.mixture
        np.testing.assert_array_equal(m.logpdf(column), m.logpdf(table[:, 0]))
        np.testing.assert_array_equal(m.responsibilities(column),
                                      m.responsibilities(table[:, 0]))


def test_booleans_are_zeros_and_ones():
    x = np.random.default_rng(0).random(200) < 0.3
    assert same(emix.fit(x, 1), emix.fit(x.astype(float), 1))


def test_one_number_for_all_rows_and_no_rows(quietly):
    """A stride of 0 is a constant column; no rows are an error, one row is as good as any."""
    with pytest.raises(emix.DataError, match="constant"):
        emix.fit(np.broadcast_to(np.float64(3.0), (50,)), 1)
    for nothing in (np.empty(0), np.empty((0, 1)), [], np.empty((0, 3))):
        with pytest.raises(emix.DataError):
            emix.fit(nothing, 1)
    for m in (emix.Mixture.univariate([1.0], [0.0], [1.0]),
              emix.Mixture([0.5, 0.5], [[0, 0], [1, 1]], [np.eye(2)] * 2)):
        with pytest.raises(emix.DataError, match="at least one row is needed"):
            m.logpdf(np.empty((0, m.n_features)))
        one = np.zeros((1, m.n_features))
        assert m.logpdf(one).shape == (1,) and m.responsibilities(one).sum() == 1.0
    with pytest.raises(emix.DataError, match="constant"):
        emix.fit([[1.0, 2.0]], 1)
    assert quietly([1.0], 1, sds=1.0).mixture.means.tolist() == [[1.0]]


def test_there_is_no_pickle_anywhere():
    """Nor eval, nor anything else that runs what it reads: but for what the processes of one
    cluster send each other, in memory, in the one module that says so."""
    forbidden = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml"}
    for path in set(SOURCE.rglob("*.py")) - {SOURCE / "engines" / "traffic.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            names: set[str] = set()
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = {node.module.split(".")[0]}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), path
            elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
            assert not names & forbidden, path


# --- writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "m.json"
    path.write_text("what was there")
    return path


STEPS = ["mkstemp", "fdopen", "fsync", "chmod", "replace"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_a_write_that_fails_at_a_step_leaves_what_was_there(path, monkeypatch, step, reason):
    import tempfile

    def fail(*_: object, **__: object) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(tempfile if step == "mkstemp" else os, step, fail)
    m = emix.Mixture.univariate([1.0], [0.0], [1.0])
    with pytest.raises(WriteError) as error:
        m.save(path)
    monkeypatch.undo()
    assert error.value.errno == reason and isinstance(error.value, OSError | emix.EmixError)
    assert str(path) in str(error.value) and os.strerror(reason) in str(error.value)
    assert path.read_text() == "what was there"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


class Short(io.RawIOBase):
    """A file that takes three bytes at a time, and no more than so many."""

    def __init__(self, handle: int, most: int) -> None:
        self.handle, self.left = handle, most

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.handle

    def write(self, data) -> int:
        if self.left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = os.write(self.handle, bytes(data[: min(3, self.left)]))
        self.left -= taken
        return taken

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self.handle)


@pytest.mark.parametrize("most", [0, 1, 7, 10_000])
def test_short_writes_are_gone_on_with_or_leave_what_was_there(path, monkeypatch, most):
    monkeypatch.setattr(os, "fdopen",
                        lambda handle, _: io.BufferedWriter(Short(handle, most), 16))
    m = emix.Mixture.univariate([0.5, 0.5], [0.0, 1.0], [1.0, 1.0])
    if most == 10_000:
        m.save(path)
        assert emix.load(path) == m
        return
    with pytest.raises(WriteError, match="No space left"):
        m.save(path)
    assert path.read_text() == "what was there"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_a_disk_that_is_really_full(path):
    """A limit on the size of files, which the kernel keeps with a short write and an error."""
    program = (
        "import resource, signal, sys, emix\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        "m = emix.Mixture.univariate([0.1] * 10, range(10), [1.0] * 10)\n"
        "try: m.save(sys.argv[1])\n"
        "except emix.EmixError as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True,
                          text=True, env=os.environ)
    assert done.stdout == (f"WriteError {path}: cannot be written: File too large; nothing that "
                           f"was there has changed\n"), done.stderr
    assert path.read_text() == "what was there"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0,
                    reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(path):
    path.parent.chmod(0o500)
    try:
        with pytest.raises(WriteError, match="ermission"):
            write_whole(path, "new")
        assert path.read_text() == "what was there"
    finally:
        path.parent.chmod(0o700)


# --- reading what others have written


@pytest.mark.parametrize("content", [
    "[" * 65 + "]" * 65, '{"a":' * 65 + "1" + "}" * 65, '["", ' * 10 + '"' * 8_500_000,
    "[" + "[]," * 2_100_000 + "[]]",
], ids=["lists", "objects", "words", "many lists"])
def test_json_is_measured_before_it_is_taken_apart(path, content, monkeypatch):
    """Whatever the recursion limit of the program around it."""
    path.write_text(content)
    monkeypatch.setattr(wholefile.json, "loads", None)
    with pytest.raises(emix.ModelFileError, match=r"deeper than 64|more than 2097152 lists"):
        emix.load(path)


def test_what_is_written_can_be_read(path):
    m = emix.Mixture.univariate([1.0], [0.0], [1.0])
    deep: object = 1
    for _ in range(61):
        deep = [deep]
    m.save(path, notes=deep)
    assert emix.load(path) == m
    with pytest.raises(emix.ParameterError, match=r"deeper than 64.*nothing was written"):
        m.save(path, notes=[[[deep]]])
    assert emix.load(path) == m
