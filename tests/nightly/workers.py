"""Kill random workers of a Dask cluster at random moments of a fit, and see that no bit changes.

    python tests/nightly/workers.py [KILLS] [SEED]

Three workers, each killed one replaced by another at once, which joins when it has started; EM over
rows that the workers make themselves, every second fit over a persisted array. A line for each fit:
how often a worker died in it, how long it took beside one that was left alone, and whether it ended
with that one's bits.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from itertools import islice
from typing import Any

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from emix import Mixture
from emix.em import Step, iterate
from emix.model import Model
from emix.sources.opening import open_rows

N_WORKERS, ROWS, PARTS, D, STEPS = 3, 20_000, 6, 4, 60
MODEL = Model.parse(3, D, "full")
START = Mixture([1 / 3] * 3, [[0.0] * D, [3.0] * D, [6.0] * D], [np.eye(D)] * 3)


def rows() -> Any:
    def made(part: int) -> np.ndarray:
        rng = np.random.default_rng(part)
        return rng.normal(size=(ROWS, D)) + 3 * rng.integers(0, 3, (ROWS, 1))

    return da.concatenate([da.from_delayed(dask.delayed(made)(part), (ROWS, D), float)
                           for part in range(PARTS)])


def climbed(x: Any) -> Step:
    *_, last = islice(iterate(open_rows(x)[0], START, MODEL), STEPS)
    return last


def same(one: Step, other: Step) -> bool:
    return one.loglik == other.loglik and one.mixture == other.mixture


class Workers:
    """Worker processes of a scheduler."""

    def __init__(self, address: str, n_workers: int) -> None:
        self._address = address
        self._alive = [self._started() for _ in range(n_workers)]

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", self._address, "--nthreads", "1",
             "--no-nanny", "--no-dashboard"],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def kill(self, which: int) -> None:
        """SIGKILL one, and start another."""
        self._alive[which].kill()
        self._alive[which].wait()
        self._alive[which] = self._started()

    def end(self) -> None:
        for worker in self._alive:
            worker.kill()
            worker.wait()


class Killer:
    """Kills a worker now and then, in a thread of its own, while the block lasts."""

    def __init__(self, workers: Workers, chance: random.Random, most: int, pause: float) -> None:
        self._workers, self._chance, self._most, self._pause = workers, chance, most, pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.kills = 0

    def _work(self) -> None:
        while self.kills < self._most and not self._over.wait(
                self._chance.uniform(0.0, 2 * self._pause)):
            self._workers.kill(self._chance.randrange(N_WORKERS))
            self.kills += 1

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def main(kills: int, seed: int) -> int:
    chance, done, wrong, fits = random.Random(seed), 0, 0, 0
    wanted = climbed(rows())
    # All of them may be dead at once, and starting on a busy machine takes its time.
    dask.config.set({"emix.patience": "10 minutes"})
    with LocalCluster(n_workers=0, dashboard_address=None, silence_logs=60) as cluster, \
            Client(cluster) as client:
        workers = Workers(cluster.scheduler_address, N_WORKERS)
        client.wait_for_workers(N_WORKERS)
        assert same(climbed(rows()), wanted)
        began = time.perf_counter()
        assert same(climbed(rows()), wanted)
        alone = time.perf_counter() - began
        while done < kills:
            is_held = fits % 2 == 1
            x = client.persist(rows()) if is_held else rows()
            began = time.perf_counter()
            with Killer(workers, chance, kills - done, alone / 2) as killer:
                found = climbed(x)
            done, fits = done + killer.kills, fits + 1
            wrong += not same(found, wanted)
            print(f"fit {fits:2} {'persisted' if is_held else '':9} {killer.kills:2} kills  "
                  f"{time.perf_counter() - began:5.1f} s ({alone:.1f} s alone)  "
                  f"{'same bits' if same(found, wanted) else 'DIFFERS'}", flush=True)
        workers.end()
    print(f"{done} kills in {fits} fits: "
          f"{'all bit-identical' if not wrong else f'{wrong} DIFFER'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(numbers + [50, 1][len(numbers):])))
