"""Dask: arrays and frames as sources, on clusters that lose workers, and lazily back."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest

import emix
from emix import DataError, Mixture, ParameterError
from emix.em import Step, iterate
from emix.engines import distributed as engine
from emix.errors import ClusterError
from emix.model import Model
from emix.moments import moments_of
from emix.searching import checkpoint
from emix.sources import protocol
from emix.sources.array import ArraySource
from emix.sources.dask import DaskSource
from emix.sources.opening import open_rows
from emix.sources.protocol import Source

dask = pytest.importorskip("dask", reason="the extra `dask` is not installed")
distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

PART, PARTS, D = 500, 6, 3
MODEL = Model.parse(2, D, "full", None, None, None, None, None)
START = Mixture([0.5, 0.5], [[0.0] * D, [5.0] * D], [np.eye(D)] * 2)


@pytest.fixture(autouse=True)
def blocks_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of as many rows as parts have, so that merging is as in memory."""
    monkeypatch.setattr(protocol, "LEAST_ROWS", PART)
    monkeypatch.setattr(protocol, "BLOCK_NUMBERS", PART)
    monkeypatch.setattr(protocol, "GRANULE", 1)


@pytest.fixture(autouse=True)
def choice_of_scheduler() -> Iterator[None]:
    """A client that has lost its scheduler leaves it chosen when it is closed."""
    before = dask.config.get("scheduler", None)
    yield
    dask.config.set(scheduler=before)


def rows(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(PART * PARTS, D))
    points[rng.random(len(points)) < 0.4] += 4.0
    return points


def chunked(x: np.ndarray, size: int = PART) -> Any:
    return da.from_array(x, chunks=(size, *x.shape[1:]))


def framed(x: np.ndarray, **more: Any) -> Any:
    """A frame of columns a, b, c and more, in parts that are made when they are asked for."""
    whole = pd.DataFrame(dict(zip("abc", x.T, strict=True)) | more)
    parts = [whole.iloc[start:start + PART] for start in range(0, len(x), PART)]
    return dd.from_map(lambda part: part, parts)


def climbed(source: Source, steps: int = 12) -> Step:
    *_, last = islice(iterate(source, START, MODEL), steps)
    return last


def same(one: Step, other: Step) -> bool:
    return one.loglik == other.loglik and one.mixture == other.mixture


# What is a source, and of what


@pytest.mark.parametrize("weighted", [False, True])
def test_arrays_frames_and_series_hold_the_same_rows(weighted: bool) -> None:
    x, w = rows(), np.arange(float(PART * PARTS)) % 3
    given = w if weighted else None
    lazy_weight = chunked(w) if weighted else None
    wanted = climbed(ArraySource.of(x, given))
    frame = framed(x, w=w)
    for (source, _), names in (
        (open_rows(chunked(x), given), ("x1", "x2", "x3")),
        (open_rows(chunked(x), lazy_weight), ("x1", "x2", "x3")),
        (open_rows(da.from_array(x, chunks=(PART, 2)), lazy_weight), ("x1", "x2", "x3")),
        (open_rows(frame, "w" if weighted else None, list("abc")), ("a", "b", "c")),
        (open_rows(frame[list("abc")], frame.w if weighted else None), ("a", "b", "c")),
    ):
        assert names == source.column_names
        assert same(climbed(source), wanted)
        assert (source.n_rows, source.n_features) == x.shape and source.dtype == np.float64


def test_one_column_is_an_array_a_series_or_chosen() -> None:
    x = rows()
    wanted = moments_of(ArraySource.of(x[:, 1]))
    frame = framed(x)
    for given, columns in ((chunked(x[:, 1]), None), (chunked(x), [1]), (frame.b, None),
                           (frame, "b"), (chunked(x), "x2")):
        found = moments_of(open_rows(given, None, columns)[0])
        assert (found.count, found.mean, found.scatter) == (len(x), wanted.mean, wanted.scatter)
    few = chunked(x.astype(np.float32))
    assert open_rows(few)[0].dtype == np.float32 and open_rows(few > 0)[0].dtype == np.float64


def test_parts_without_rows_are_left_out() -> None:
    x = rows()
    frame = framed(x)
    kept = x[x[:, 0] > 3.5]
    source, _ = open_rows(frame[frame.a > 3.5])
    assert source.n_rows == len(kept)
    np.testing.assert_array_equal(source.whole(len(kept)).points, kept)
    x[PART:2 * PART, 0] = -9.0
    source, _ = open_rows(framed(x)[framed(x).a > -9.0])
    assert moments_of(source).count == source.n_rows == len(x) - PART
    drawn = source.sample(40, 1)
    wanted = ArraySource.of(np.delete(x, np.s_[PART:2 * PART], axis=0)).sample(40, 1)
    np.testing.assert_array_equal(drawn.points, wanted.points)


def test_other_parts_merge_to_the_same_within_rounding() -> None:
    wanted = climbed(ArraySource.of(rows()))
    for size in (77, 1234, PART * PARTS):
        found = climbed(open_rows(chunked(rows(), size))[0])
        assert found.loglik == pytest.approx(wanted.loglik, rel=1e-12)
        np.testing.assert_allclose(found.mixture.means, wanted.mixture.means, rtol=1e-12)
        np.testing.assert_allclose(found.mixture.covariances, wanted.mixture.covariances,
                                   rtol=1e-12, atol=1e-12)
    # A part of two blocks, or four, merges as they do.
    assert same(climbed(open_rows(chunked(rows(), 2 * PART))[0]), wanted)
    assert same(climbed(open_rows(chunked(rows(), 4 * PART))[0]), wanted)


def test_a_fit_is_that_in_memory() -> None:
    x = rows()
    found, wanted = emix.fit(framed(x), 2), emix.fit(x, 2)
    assert found.mixture == wanted.mixture and found.loglik == wanted.loglik
    assert found.columns == ("a", "b", "c")
    step, there = (next(islice(emix.steps(given, START), 3, None)) for given in (chunked(x), x))
    assert same(step, there)


# What is refused, and where


@pytest.mark.parametrize(("given", "match"), [
    (lambda x: (framed(x, s="text"), None, None), "'s' .*; leave out what is not to be modelled"),
    (lambda x: (framed(x), None, ["q"]), "no column 'q'"),
    (lambda x: (framed(x), "q", None), "no column 'q'"),
    (lambda x: (chunked(x).astype(complex), None, None), "complex128"),
    (lambda x: (chunked(x)[:, :, None], None, None), "3 axes"),
    (lambda x: (chunked(x), np.ones(3), None), r"one weight per row, \(3000,\)"),
    (lambda x: (chunked(x), chunked(np.ones(7)), None), "has 7 values"),
    (lambda x: (framed(x), np.ones(len(x)), None), "lies in memory"),
    (lambda x: (framed(x), framed(x).a.repartition(npartitions=2), None), "2 parts, x in 6"),
    (lambda x: (framed(x, w=1.0), "w", ["w"]), "also the data"),
], ids=["text", "column", "weight", "complex", "axes", "few", "short", "where", "parts", "both"])
def test_what_cannot_be_read_is_told_before_anything_is(
    given: Callable[[np.ndarray], tuple[Any, Any, Any]], match: str
) -> None:
    with pytest.raises((DataError, ParameterError), match=match):
        open_rows(*given(rows()))


def test_bad_values_are_named_by_part_or_row() -> None:
    x = rows()
    x[2 * PART + 7, 1] = np.nan
    with pytest.raises(DataError, match="nan at row 1007, column 1"):
        moments_of(open_rows(chunked(x))[0])
    with pytest.raises(DataError, match=r"part 2: .* row 7 .*column 'b'"):
        moments_of(open_rows(framed(x))[0])
    weight = np.ones(len(x))
    weight[PART] = -1.0
    with pytest.raises(DataError, match=r"sample_weight.*-1.* row 500"):
        moments_of(open_rows(chunked(rows()), weight)[0])
    frame = framed(rows())
    with pytest.raises(DataError, match=r"part \d: sample_weight has shape"):
        moments_of(open_rows(frame, frame[frame.a > 0].a)[0])


# Lazily back


def test_what_is_asked_of_a_mixture_comes_back_lazily() -> None:
    x = rows()
    fit = emix.fit(x, 2)
    for verb in (fit.mixture.logpdf, fit.mixture.pdf, fit.mixture.responsibilities,
                 fit.mixture.predict, fit.responsibilities, fit.predict):
        wanted = verb(x)
        for lazy in (chunked(x), da.from_array(x, chunks=(70, 1))):
            found = verb(lazy)
            assert isinstance(found, da.Array)
            assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
            np.testing.assert_array_equal(found.compute(), wanted)
    found = fit.mixture.logpdf(framed(x))
    assert isinstance(found, da.Array)
    np.testing.assert_array_equal(found.compute(), fit.mixture.logpdf(x))
    column = Mixture.univariate([0.5, 0.5], [0.0, 4.0], [1.0, 1.0])
    shares = column.responsibilities(chunked(x[:, 0]))
    assert shares.shape == (len(x), 2)
    np.testing.assert_array_equal(shares.compute(), column.responsibilities(x[:, 0]))
    with pytest.raises(DataError, match="2 columns, the mixture 3"):
        fit.mixture.predict(chunked(x)[:, :2])


def test_frames_come_back_as_lazy_frames() -> None:
    x = rows()
    frame = framed(x)[["c", "b", "a"]].assign(other=1.0)
    fit = emix.fit(pd.DataFrame(x, columns=list("abc")), 2)
    shares, labels = fit.responsibilities(frame), fit.predict(frame)
    assert isinstance(shares, dd.DataFrame) and isinstance(labels, dd.Series)
    assert list(shares.columns) == ["component_1", "component_2"] and labels.name == "component"
    memory = frame.compute()
    pd.testing.assert_frame_equal(shares.compute(), fit.responsibilities(memory))
    pd.testing.assert_series_equal(labels.compute(), fit.predict(memory))
    none = frame[frame.a > 1e9]
    assert len(fit.predict(none)) == 0 and len(fit.responsibilities(none)) == 0
    with pytest.raises(DataError, match="no column 'c'"):
        fit.predict(frame[["a", "b"]])


def test_the_estimator_scores_lazily() -> None:
    x = rows()
    frame = pd.DataFrame(x, columns=list("abc"))
    model = emix.GaussianMixture(2, random_state=0).fit(frame)
    turned = framed(x)[["b", "c", "a"]]
    for verb in (model.score_samples, model.predict, model.predict_proba):
        found = verb(turned)
        assert isinstance(found, da.Array)
        np.testing.assert_array_equal(found.compute(), verb(frame))
    with pytest.raises(DataError, match="no column 'a'"):
        model.predict(turned[["b", "c"]])
    plain = emix.GaussianMixture(2, random_state=0).fit(x)
    np.testing.assert_array_equal(plain.predict(chunked(x)).compute(), plain.predict(x))


# Clusters


@pytest.fixture
def impatient() -> Iterator[None]:
    """A cluster that is lost is missed soon."""
    with dask.config.set({"emix.patience": "1s"}):
        yield


@pytest.mark.parametrize("n_workers", [1, 2, 4])
def test_the_same_bits_on_any_number_of_workers(n_workers: int) -> None:
    wanted = climbed(ArraySource.of(rows()))
    with in_threads(n_workers):
        assert same(climbed(open_rows(chunked(rows()))[0]), wanted)


def in_threads(n_workers: int) -> Any:
    """A client of a cluster in this process."""
    cluster = distributed.LocalCluster(
        n_workers=n_workers, threads_per_worker=1, processes=False, dashboard_address=None,
        protocol="inproc://", silence_logs=50,
    )
    return Closing(cluster)


class Closing:
    """A client of a cluster, both of which end with the block."""

    def __init__(self, cluster: Any) -> None:
        self.cluster, self.client = cluster, distributed.Client(cluster)

    def __enter__(self) -> Any:
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.cluster.close()


def test_a_cluster_that_starts_workers_when_they_are_needed() -> None:
    wanted = climbed(ArraySource.of(rows()))
    with in_threads(0) as client:
        client.cluster.adapt(minimum=0, maximum=2, interval="50ms", wait_count=1)
        assert same(climbed(open_rows(chunked(rows()))[0]), wanted)
        assert 1 <= len(client.nthreads()) <= 2


def counted(x: np.ndarray, folder: Path, fails: int = 0) -> Any:
    """An array whose parts, when they are made, leave a file in a folder each; the third fails so
    often first."""
    folder.mkdir()

    def read(part: int) -> np.ndarray:
        tries = len(list(folder.glob(f"{part}-*")))
        (folder / f"{part}-{uuid4()}").touch()
        if part == 2 and tries < fails:
            raise OSError("the disk is away")
        return x[part * PART:(part + 1) * PART]

    return da.concatenate([da.from_delayed(dask.delayed(read)(part), (PART, D), float)
                           for part in range(PARTS)])


def test_parts_stay_on_workers_or_are_made_for_every_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = climbed(ArraySource.of(rows()), 4)
    for share, passes in ((0.4, 1), (0.0, 4)):
        monkeypatch.setattr(engine, "SHARE", share)
        with in_threads(2):
            folder = tmp_path / str(share)
            assert same(climbed(open_rows(counted(rows(), folder))[0], 4), wanted)
            assert len(list(folder.iterdir())) == passes * PARTS


def test_what_cannot_be_read_is_tried_again_and_then_raised(tmp_path: Path) -> None:
    x = rows()
    with in_threads(1):
        most = engine.MOST_READS
        source, _ = open_rows(counted(x, tmp_path / "at last", fails=most - 1))
        assert moments_of(source).count == len(x)
        assert len(list((tmp_path / "at last").glob("2-*"))) == most
        assert len(list((tmp_path / "at last").iterdir())) == PARTS + most - 1
        with pytest.raises(OSError, match="the disk is away"):
            moments_of(open_rows(counted(x, tmp_path / "never", fails=99))[0])
        x[3 * PART, 0] = np.nan
        with pytest.raises(DataError, match="nan at row 1500"):
            moments_of(open_rows(counted(x, tmp_path / "nan"))[0])
        assert len(list((tmp_path / "nan").iterdir())) == PARTS


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_workers_read_a_list_of_paths(tmp_path: Path, ending: str) -> None:
    x = rows()
    frame = pd.DataFrame(x, columns=list("abc")).assign(text="t", w=np.arange(len(x)) % 3)
    for part in range(PARTS):
        some = frame.iloc[part * PART:(part + 1) * PART]
        write = some.to_parquet if ending == "parquet" else some.to_csv
        write(tmp_path / f"{part}.{ending}", index=False)
    frame[:0].to_parquet(tmp_path / "none.parquet")
    listed = sorted(tmp_path.glob(f"?.{ending}"))
    if ending == "parquet":
        listed.insert(2, tmp_path / "none.parquet")
    wanted = climbed(ArraySource.of(x, frame.w))
    with in_threads(2):
        source, names = open_rows(listed, "w", ["a", "b", "c"])
        assert isinstance(source, DaskSource) and names == ("a", "b", "c")
        assert same(climbed(source), wanted) and source.n_rows == len(x)
        one, _ = open_rows([tmp_path / f"0.{ending}"], None, "b")
        np.testing.assert_array_equal(one.whole(PART).points[:, 0], x[:PART, 1])
        with pytest.raises(DataError, match="no column 'q'"):
            open_rows(listed, None, ["q"])
    assert not isinstance(open_rows(listed, None, ["a"])[0], DaskSource)


def test_whoever_chooses_a_local_scheduler_has_it_beside_a_client() -> None:
    with in_threads(1) as client, dask.config.set(scheduler="synchronous"):
        client.cluster.close()
        assert same(climbed(open_rows(chunked(rows()))[0]), climbed(ArraySource.of(rows())))


def test_an_asynchronous_client_is_refused() -> None:
    async def fit() -> None:
        async with distributed.LocalCluster(
            n_workers=0, processes=False, dashboard_address=None, asynchronous=True,
            protocol="inproc://",
        ) as cluster, distributed.Client(cluster, asynchronous=True):
            with pytest.raises(ParameterError, match="asynchronous"):
                open_rows(chunked(rows()))

    asyncio.run(fit())


class Workers:
    """Worker processes, to be killed, and not replaced while there are enough; a scheduler that
    gives a task up when one dies at it."""

    def __init__(self, folder: Path) -> None:
        self._address = folder / "scheduler.json"
        self.scheduler = self._process("dask_scheduler", "--port", "0", "--no-dashboard")
        self._alive: list[subprocess.Popen[bytes]] = []

    def _process(self, command: str, *options: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
        }
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{command}", "--scheduler-file",
             str(self._address), *options],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def client(self, n_workers: int) -> Any:
        """A client, once there are so many workers."""
        self._alive = [worker for worker in self._alive if worker.poll() is None]
        if not n_workers:
            return distributed.Client(scheduler_file=str(self._address), timeout="30s")
        self._alive += [
            self._process("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")
            for _ in range(n_workers - len(self._alive))
        ]
        client = distributed.Client(scheduler_file=str(self._address), timeout="30s")
        client.wait_for_workers(n_workers, timeout=60)
        return client

    def kill(self, which: int) -> None:
        worker = self._alive.pop(which)
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    def kill_all(self) -> None:
        while self._alive:
            self.kill(0)

    def end(self) -> None:
        self.kill_all()
        self.scheduler.kill()
        self.scheduler.wait()


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    made = Workers(tmp_path_factory.mktemp("cluster"))
    yield made
    made.end()


@pytest.mark.parametrize("kept", [True, False])
def test_a_worker_that_is_killed_changes_no_bit(
    workers: Workers, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SHARE", 0.4 if kept else 0.0)
    x, wanted = rows(), climbed(ArraySource.of(rows()), 30)
    chance = random.Random(int(kept))
    n_workers = 4 if kept else 3
    with workers.client(n_workers):
        source, _ = open_rows(chunked(x))
        began = time.perf_counter()
        assert same(climbed(source, 5), climbed(ArraySource.of(x), 5))
        pace = (time.perf_counter() - began) / 5
        victim = chance.randrange(n_workers)
        killer = threading.Timer(chance.uniform(0, 20 * pace), workers.kill, [victim])
        killer.start()
        assert same(climbed(source, 30), wanted)
        killer.join()


def test_a_part_that_takes_workers_with_it_is_named(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MOST_LOSSES", 2)
    x = rows()

    def read(part: int) -> np.ndarray:
        if part == 3:
            os._exit(1)
        return x[part * PART:(part + 1) * PART]

    parts = [da.from_delayed(dask.delayed(read)(part), (PART, D), float) for part in range(PARTS)]
    # Two are lost to it; the third finishes what waits meanwhile.
    with workers.client(3), pytest.raises(ClusterError, match=r"part \d .* 2 times .* smaller"):
        moments_of(open_rows(da.concatenate(parts))[0])


@pytest.mark.usefixtures("impatient")
def test_without_workers_a_fit_ends_and_its_checkpoint_goes_on(
    workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "BETWEEN", 0.0)
    monkeypatch.setattr(checkpoint, "SPARING", 0.0)
    x, path = rows(), tmp_path / "fit.json"
    how: dict[str, Any] = {"start": START, "tol": 0.0, "max_iter": 70}

    def kill(told: Any) -> None:
        if told.iteration == 66:
            workers.kill_all()
            began.append(time.perf_counter())

    began: list[float] = []
    with workers.client(1), pytest.raises(ClusterError, match=r"no worker for 1 s; .*fit\.json"):
        emix.fit(chunked(x), 2, checkpoint=path, progress=kill, **how)
    assert time.perf_counter() - began[0] < 6.0
    told: list[int] = []
    with pytest.warns(emix.NotConvergedWarning):
        found = emix.fit(chunked(x), 2, checkpoint=path, **how,
                         progress=lambda now: told.append(now.iteration))
    assert min(told) >= 64
    with pytest.warns(emix.NotConvergedWarning):
        wanted = emix.fit(chunked(x), 2, **how)
    assert found.mixture == wanted.mixture and found.trace.tolist() == wanted.trace.tolist()


@pytest.mark.usefixtures("impatient")
def test_a_scheduler_that_is_lost_ends_in_a_typed_error(workers: Workers) -> None:
    with workers.client(0):
        source, _ = open_rows(chunked(rows()))
        killer = threading.Timer(0.3, workers.scheduler.kill)
        killer.start()
        began = time.perf_counter()
        with pytest.raises(ClusterError, match="scheduler has not answered"):
            moments_of(source)
        assert time.perf_counter() - began < 10.0
        killer.join()
