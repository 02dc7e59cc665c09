"""Model-based agglomeration: rows merged two by two, by the likelihood that merging costs least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels
    from emix.initialise.draws import Draws
    from emix.initialise.table import Table
    from emix.mixture import Mixture

# Agglomeration looks at every pair of rows; beyond so many it is done on a sample of them, and
# the others go to the nearest group's mean.
ROWS = 2000


def hierarchical(table: Table, k: int, draws: Draws) -> Mixture:
    """A component for each of k groups made by agglomeration on decorrelated columns.

    In those, the groups that lose the least likelihood of a mixture of equal spheres are merged
    first (Banfield & Raftery 1993, doi:10.2307/2532201; the same as Ward's criterion, 1963,
    doi:10.1080/01621459.1963.10500845). More than 2000 rows: on a sample of 2000, drawn with the
    seed, every other row joining the nearest group. Row weights count when groups are made into
    components, not when they are merged.
    """
    merges, rows = _merges(table, draws)
    labels = _groups(merges, min(k, len(rows)))
    if len(rows) < len(table.points):
        centres = np.stack([table.sphered[rows[labels == j]].mean(axis=0)
                            for j in range(labels.max() + 1)])
        labels = table.nearest(centres)
    return table.mixture_of(labels, k)


def _merges(table: Table, draws: Draws) -> tuple[Floats, Labels]:
    from scipy.cluster.hierarchy import ward

    known = table.memory.get("merges")
    if known is None:
        n = len(table.points)
        rows = np.arange(n)
        if n > ROWS:
            rows = np.sort(np.argsort(draws.uniforms(n), kind="stable")[:ROWS])
        # The tree serves every k; SciPy has none for a single row.
        merges = ward(table.sphered[rows]) if n > 1 else np.zeros((0, 4))
        known = table.memory["merges"] = (merges, rows)
    found: tuple[Floats, Labels] = known
    return found


def _groups(merges: Floats, k: int) -> Labels:
    """The group of each of n rows, 0 to k − 1, when the last k − 1 of the n − 1 merges are undone.

    SciPy's `cut_tree` does the same a thousand times slower, by way of an object for each merge.
    """
    n = len(merges) + 1
    above = np.arange(2 * n - 1)
    above[merges[:, :2].astype(np.int64)] = np.arange(n, 2 * n - 1)[:, None]
    # Merge i makes node n + i of the two that it joins; those from 2n − k on are undone.
    top = np.where(above < 2 * n - k, above, np.arange(2 * n - 1))
    while (top[top] != top).any():
        top = top[top]
    return np.unique(top[:n], return_inverse=True)[1].astype(np.int64)
