"""Kill random workers of a Dask cluster at random moments of a fit, and see that no bit changes.

    python tests/nightly/workers.py [KILLS] [SEED]

Three workers, each restarted by its nanny when it dies; EM over rows that the workers make
themselves, every second fit over a persisted array. A line for each fit: how often a worker died in
it, how long it took beside one that was left alone, and whether it ended with that one's bits.
"""

from __future__ import annotations

import os
import random
import signal
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

ROWS, PARTS, D, STEPS = 20_000, 6, 4, 60
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


class Killer:
    """Kills a worker now and then, in a thread of its own, while the block lasts."""

    def __init__(self, cluster: Any, chance: random.Random, most: int, pause: float) -> None:
        self._cluster, self._chance, self._most, self._pause = cluster, chance, most, pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.kills = 0

    def _work(self) -> None:
        while self.kills < self._most and not self._over.wait(
                self._chance.uniform(0.0, 2 * self._pause)):
            found = [nanny.pid for nanny in list(self._cluster.workers.values()) if nanny.pid]
            if found:
                os.kill(self._chance.choice(found), signal.SIGKILL)
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
    # All three may be dead at once, and starting again on a busy machine takes its time.
    dask.config.set({"emix.patience": "10 minutes"})
    with LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None,
                      silence_logs=60) as cluster, Client(cluster) as client:
        assert same(climbed(rows()), wanted)
        began = time.perf_counter()
        assert same(climbed(rows()), wanted)
        alone = time.perf_counter() - began
        while done < kills:
            x = client.persist(rows()) if fits % 2 else rows()
            began = time.perf_counter()
            with Killer(cluster, chance, kills - done, alone / 2) as killer:
                found = climbed(x)
            done, fits = done + killer.kills, fits + 1
            wrong += not same(found, wanted)
            print(f"fit {fits:2}{' persisted' if x is not None and not fits % 2 else '':10} "
                  f"{killer.kills:2} kills  {time.perf_counter() - began:5.1f} s "
                  f"({alone:.1f} s alone)  {'same bits' if same(found, wanted) else 'DIFFERS'}",
                  flush=True)
    print(f"{done} kills in {fits} fits: "
          f"{'all bit-identical' if not wrong else f'{wrong} DIFFER'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(numbers + [50, 1][len(numbers):])))
