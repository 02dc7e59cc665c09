"""How much to search, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from emix.initialise import DETERMINISTIC, DETERMINISTIC_OF_ROWS
from emix.kernels import NATIVE

# The varied kinds, in turn, after the two that chance has no part in.
VARIED = ("responsibilities", "random", "kmeans++")
VARIED_OF_ROWS = ("kmeans", "random", "kmeans++")
# Of two components swaps find what starts drawn by chance would, for less: on 10,000 columns of 200
# points with two such starts besides as few ended lower.
OF_TWO = ("kmeans", "quantiles")
# What a component must be worth while a run is cut short: more than at a summit, or components
# that are about to become degenerate would draw the chains to them.
ON_THE_WAY = -1.0
# Streams of random numbers from here on belong to swaps, those below to starts.
SWAPS = 1 << 32
SHORT_RUN = 60
# Of two components a run mostly gets there, and this tells its summit from another.
SHORT_TOL = 1e-4
SETTLED = 4
SETTLED_OF_ROWS = 12
CHAINS = 8
# Of two components in several columns: on the 400 rows of scikit-learn's issue 10122 one chain ends
# a nat lower from one seed in eight, three from one in sixty. A fit takes 5 to 40% longer by it.
CHAINS_OF_TWO = 3
KEPT = 6
# Steps of plain EM after which a climb waits, to be followed by one that is accelerated: some crawl
# along ridges for tens of thousands.
PATIENCE = 1000
# Rows above which starts are judged on a sample: enough to tell summits apart.
SEARCH_ROWS = 1 << 14
# Point-component evaluations that all swaps together may cost: about a second natively.
WORK = 2e9
# EM steps that they may cost without the native kernel, where a step has its price whatever the
# size of the data: some seconds. From four components on this searches less than natively.
PORTABLE_STEPS = 20_000
# In several columns a step costs ten times that.
PORTABLE_STEPS_OF_ROWS = 2_000

# From so many components on, in several columns, there is one start, made of a sample with so many
# rows for each component; and the E-step leaves components out, unless it is told not to, by which
# it gains nothing below. What it may then neglect is a share of each row's density, on average.
CROWD, CROWD_ROWS = 256, 32
NEGLECT = 1e-5
# EM steps at most with so many components, each of which may take seconds.
CROWD_ITER = 300


def is_crowd(k: int, n_features: int) -> bool:
    """Whether there are so many components that a search would take too long."""
    return k >= CROWD and n_features > 1


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to search: starts by name, swaps per chain, climbs to convergence."""

    starts: tuple[str, ...]
    chains: int
    swaps: int
    short_run: int = SHORT_RUN
    kept: int = KEPT
    # Swaps in a row that come home after which a chain rests: there is but one summit; 0: never.
    settled: int = 0
    # The gradient at which a short run may end before its time; never less than the climbs'.
    short_tol: float = 0.0

    @classmethod
    def default(cls, k: int, n: int) -> Plan:
        """Few starts where there is little to find, more as k grows; n is the number of rows."""
        if k == 1:
            return cls(("quantiles",), chains=0, swaps=0)
        if k == 2:
            return cls(OF_TWO, chains=1, swaps=30, settled=SETTLED, short_tol=SHORT_TOL)
        starts = _varied(4 + 2 * k)
        chains, swaps = CHAINS, 12 * (k - 1) * (k - 2)
        afford = int(WORK / (n * k * SHORT_RUN * chains))
        if NATIVE is None:
            afford = min(afford, PORTABLE_STEPS // (SHORT_RUN * chains))
        return cls(starts, chains, min(swaps, max(afford, 1)))

    @classmethod
    def of_rows(cls, k: int, n: int, n_features: int, natively: bool) -> Plan:
        """The same in several columns; `natively` where whole climbs run in the native kernel."""
        if k == 1:
            return cls(("quantiles",), chains=0, swaps=0)
        starts = _varied(4 + 2 * k, several=True)
        chains, swaps = (CHAINS_OF_TWO, 30) if k == 2 else (CHAINS, 12 * (k - 1))
        cost = n * k * (n_features + n_features**2 / 4) * SHORT_RUN * chains
        afford = int(WORK / cost)
        if not natively:
            chains = min(chains, 2)
            afford = min(int(WORK / cost), PORTABLE_STEPS_OF_ROWS // (SHORT_RUN * chains))
            starts = starts[:max(min(len(starts), int(WORK / cost)), 4)]
        return cls(starts, chains, min(swaps, max(afford, 1)), settled=SETTLED_OF_ROWS)

    @classmethod
    def of_starts(cls, n_starts: int, kind: str | None = None, several: bool = False) -> Plan:
        """Just so many starts, of one kind or varied, and no swaps; `several` columns or one."""
        if kind is None:
            return cls(_varied(n_starts, several), chains=0, swaps=0)
        fixed = DETERMINISTIC_OF_ROWS if several else DETERMINISTIC
        repeats = 1 if kind in fixed else n_starts
        return cls((kind,) * repeats, chains=0, swaps=0)


@cache
def _varied(n_starts: int, several: bool = False) -> tuple[str, ...]:
    fixed = DETERMINISTIC_OF_ROWS if several else DETERMINISTIC
    kinds = VARIED_OF_ROWS if several else VARIED
    varied = (kinds[i % len(kinds)] for i in range(max(n_starts - len(fixed), 0)))
    return (*fixed, *varied)[:n_starts]
