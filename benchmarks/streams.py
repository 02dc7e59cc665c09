"""How near stepwise EM comes to batch EM, and how well it follows a drift: the tables of
docs/scale.md. Distances do not depend on the machine.

    python benchmarks/streams.py
"""

from __future__ import annotations

import numpy as np

import emix
from emix.online import Constant, Decay, Memory, OnlineFit

N, BATCH, K, D = 30_000, 300, 4, 4
DRIFT_BATCHES, SIGMA_ROWS = 400, 20_000


def truth(apart: float) -> emix.Mixture:
    """Four components in four columns, means `apart` standard deviations from the middle."""
    rng = np.random.default_rng(3)
    roots = rng.normal(size=(K, D, D)) / np.sqrt(D) + np.eye(D)
    return emix.Mixture(rng.dirichlet(np.full(K, 5.0)), rng.normal(0, apart, (K, D)),
                        roots @ np.swapaxes(roots, 1, 2))


def passes(name: str, apart: float) -> None:
    """Nats per row below the optimum of all rows, after 1, 2 and 5 passes."""
    mixture = truth(apart)
    x, _ = mixture.sample(N, 5)
    best = emix.fit(x, K, tol=1e-7).loglik / N
    print(f"\n{name}: the truth lies {best - mixture.logpdf(x).mean():.1e} below the optimum")
    for schedule in (Decay(0.6), Decay(0.7), Decay(0.85), Decay(1.0, 0.0), Memory(20_000.0)):
        online = OnlineFit(K, schedule=schedule, first_rows=1500)
        short = []
        for _ in range(5):
            for batch in np.split(x, N // BATCH):
                online.update(batch)
            short.append(best - online.mixture.logpdf(x).mean())
        print(f"  {schedule!s:36}", *(f"{short[j]:.1e}" for j in (0, 1, 4)))


def drift() -> None:
    """Means that move by one standard deviation in `SIGMA_ROWS` rows: nats per row lost against
    what each batch is from, before it is learned, over the second half of the stream."""
    print(f"\ndrift: one standard deviation in {SIGMA_ROWS} rows")
    for schedule in (Memory(1000.0), Memory(3000.0), Memory(10_000.0), Constant(0.1), Decay(0.7),
                     Decay(1.0)):
        rng = np.random.default_rng(7)
        online = OnlineFit(3, covariance="E", schedule=schedule, first_rows=1500)
        lost = []
        for t in range(DRIFT_BATCHES):
            means = np.array([0.0, 4.0, 9.0]) + t * BATCH / SIGMA_ROWS
            now = emix.Mixture.univariate([0.3, 0.3, 0.4], means, [1.0, 1.0, 1.0])
            batch, _ = now.sample(BATCH, rng)
            update = online.update(batch)
            if t >= DRIFT_BATCHES // 2:
                assert update.loglik is not None
                lost.append(now.logpdf(batch).mean() - update.loglik)
        print(f"  {schedule!s:36} {np.mean(lost):.1e}")


if __name__ == "__main__":
    passes("apart", 4.0)
    passes("overlapping", 1.2)
    drift()
