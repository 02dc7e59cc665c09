"""The parameters of a mixture as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.mixture import Mixture

# Columns of the data that have a line, up to how many all correlations are shown, and characters
# of a name.
MOST_LINES, MOST_CORRELATED = 30, 8
NAME_WIDTH = 24


def parameter_lines(mixture: Mixture, names: Sequence[str]) -> list[str]:
    """Φ, μ and σ: one line for each component, or in several columns one table for each, with the
    correlations."""
    return _rows(mixture) if mixture.n_features == 1 else _tables(mixture, names)


def shortened(name: str) -> str:
    """A name that leaves room for numbers beside it."""
    return name if len(name) <= NAME_WIDTH else name[:NAME_WIDTH - 1] + "…"


def _rows(mixture: Mixture) -> list[str]:
    """One column: a line for each component."""
    lines = [f"  {'':>19} " + f"{'Φ':>9} {'μ':>12} {'σ':>12}"]
    for j in range(mixture.n_components):
        lines.append(f"  {'component':>9} {j + 1:<9} {mixture.weights[j]:>9.5f} "
                     f"{mixture.means[j, 0]:>12.6g} {mixture.sds[j]:>12.6g}")
    return lines


def _tables(mixture: Mixture, names: Sequence[str]) -> list[str]:
    """Several columns: for each component a table with a line for each column of the data."""
    factors = mixture.covariance.factors
    sds = np.linalg.norm(factors, axis=2)
    unit = factors / sds[:, :, None]
    correlations = unit @ unit.transpose(0, 2, 1)
    d = mixture.n_features
    width = max(9, *map(len, names[:MOST_LINES]))
    turned = d <= MOST_CORRELATED and bool((np.abs(np.tril(correlations, -1)) > 0).any())
    lines = []
    for j, (mean, sd, turn) in enumerate(zip(mixture.means, sds, correlations, strict=True)):
        head = f"  component {j + 1}, Φ {mixture.weights[j]:.5f}"
        lines.append(f"{head:<{width + 4}} {'μ':>12} {'σ':>12}"
                     + ("   correlation with those above" if turned else ""))
        for i, name in enumerate(names[:MOST_LINES]):
            above = "".join(f"{value:>7.3f}" for value in turn[i, :i]) if turned else ""
            lines.append(f"    {name:>{width}} {mean[i]:>12.6g} {sd[i]:>12.6g}"
                         + (f"  {above}" if above else ""))
        if d > MOST_LINES:
            lines.append(f"    {'':>{width}} and {d - MOST_LINES} more columns")
    return lines
