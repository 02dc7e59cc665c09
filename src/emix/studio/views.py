"""What is sent to the page: bins and points of the data once, then a few numbers for each step."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.mixture import Mixture
from emix.narrate import most_unsure, narrate
from emix.plots import style
from emix.plots.grids import histogram, view

if TYPE_CHECKING:
    from emix.arrays import Floats, Points
    from emix.studio.opening import Rows
    from emix.studio.run import Run

# Points that are sent one by one; of more, bins are.
MOST_POINTS = 2000
# Bins across and up, of a pair of columns.
ACROSS, UP = 120, 90
# Rows up to which the most unsure one is looked for, and iterations in the trace that is sent.
DOUBTED_ROWS, MOST_TRACED = 100_000, 600
# Rows listed under the pointer.
LISTED = 7


def look() -> dict[str, Any]:
    """The visual language, which is that of emix's plots."""
    hexes = ["#" + "".join(f"{round(255 * part):02x}" for part in style.shade(j))
             for j in range(len(style.PALETTE))]
    return {"palette": style.PALETTE, "shades": hexes, "lines": style.LINE_STYLES}


def scene(rows: Rows, pair: Sequence[int]) -> dict[str, Any]:
    """The data as it is drawn: it changes only with the columns.

    One column: bins and, of few rows, the values. More: of a pair of them the points, or counts in
    bins."""
    key = tuple(pair)
    if key not in rows.scenes:
        rows.scenes[key] = _scene(rows, pair)
    return rows.scenes[key]


def _scene(rows: Rows, pair: Sequence[int]) -> dict[str, Any]:
    titles = [style.axis_label(name, unit) for name, unit in
              zip(rows.names, rows.units, strict=True)]
    common = {"n": rows.n, "d": rows.d, "names": rows.names, "units": rows.units,
              "titles": titles, "pair": list(pair)}
    return common | (_column_scene(rows) if rows.d == 1 else _pair_scene(rows, pair))


def _column_scene(rows: Rows) -> dict[str, Any]:
    column = rows.column
    # A third of the whole as the width of a component: bins that show what may be two or three.
    whole = Mixture.univariate([1.0], [float(column.mean())], [float(column.std()) / 3 or 1.0])
    edges, heights = histogram(column, whole)
    few = rows.n <= MOST_POINTS
    return {"low": view(column)[0], "high": view(column)[1],
            "edges": (edges + column.min()).tolist(), "heights": heights.tolist(),
            "density": style.density_label(rows.units[0]),
            "values": column.tolist() if few else None}


def _pair_scene(rows: Rows, pair: Sequence[int]) -> dict[str, Any]:
    points = rows.source.points[:, list(pair)].astype(np.float64)
    ranges = [view(points[:, j]) for j in (0, 1)]
    if rows.n <= MOST_POINTS:
        return {"ranges": ranges, "points": points.tolist(), "cells": None}
    counts, *_ = np.histogram2d(points[:, 0], points[:, 1], bins=(ACROSS, UP), range=ranges)
    full = np.flatnonzero(counts)
    return {"ranges": ranges, "points": None, "across": ACROSS, "up": UP,
            "cells": full.tolist(), "counts": counts.ravel()[full].astype(int).tolist()}


def state(run: Run, pair: Sequence[int]) -> dict[str, Any]:
    """Where a run stands, for the page."""
    step, mixture = run.step, run.mixture
    believed = run.believed
    factors = mixture.covariance.factors
    return {
        "iteration": run.at,
        "seen": run.seen,
        "still": run.is_still,
        "back": run.can_go_back,
        "begun": run.begun.how,
        "loglik": step.loglik if run.seen else None,
        "sentence": _sentence(run),
        "trace": _trace(run),
        "mixture": {"weights": mixture.weights.tolist(), "means": mixture.means.tolist(),
                    "sds": np.linalg.norm(factors, axis=2).tolist(),
                    "ellipses": _ellipses(mixture, pair)},
        "expected": None if believed is None else believed.statistics.weight.tolist(),
        "shares": None if believed is None else _shares(believed.mixture, run.rows, pair),
        "model": _model(run),
    }


def _model(run: Run) -> dict[str, Any]:
    setting, held = run.setting, run.model.held
    return {
        "k": setting.k, "kind": setting.kind, "seed": setting.seed,
        "covariance": run.model.structure.name, "words": run.model.describe(),
        "held": {"weights": (~held.learned_weights).tolist(),
                 "means": (~held.learned_means).tolist(),
                 "sds": (~held.learned_covariances).tolist()},
    }


def _ellipses(mixture: Mixture, pair: Sequence[int]) -> list[Any] | None:
    """(k, 2, 2) factors whose image of the unit circle is a component's first ellipse."""
    if mixture.n_features == 1:
        return None
    found: list[Any] = mixture.marginal(list(pair)).covariance.factors.tolist()
    return found


def _shares(mixture: Mixture, rows: Rows, pair: Sequence[int]) -> dict[str, str | None]:
    """Responsibilities where the data is drawn, as bytes from 0 to 255 in base64: in the middle of
    each bin, and of each point that is sent. In a pair of many columns a bin's are what the pair
    alone says."""
    scenery = scene(rows, pair)
    middles, of_bins = _middles(rows, scenery), mixture
    if rows.d > 2:
        of_bins = mixture.marginal(list(pair))
    return {"bins": None if middles is None else _as_bytes(of_bins, middles),
            "points": None if rows.n > MOST_POINTS else _as_bytes(mixture, rows.source.points)}


def _as_bytes(mixture: Mixture, where: Points) -> str:
    shares = np.round(255 * mixture.responsibilities(where)).astype(np.uint8)
    return base64.b64encode(shares.tobytes()).decode()


def _middles(rows: Rows, scenery: dict[str, Any]) -> Floats | None:
    if rows.d == 1:
        edges = np.array(scenery["edges"], dtype=np.float64)
        return 0.5 * (edges[1:] + edges[:-1])
    if scenery["cells"] is None:
        return None
    cells = np.array(scenery["cells"])
    at = np.stack([cells // UP + 0.5, cells % UP + 0.5], axis=1) / (ACROSS, UP)
    low, high = np.array(scenery["ranges"]).T
    middles: Floats = low + at * (high - low)
    return middles


def _trace(run: Run) -> list[tuple[int, float]]:
    """Iterations and log-likelihoods whose E-steps have been seen, thinned where they are many."""
    count = run.at + run.seen
    every = max(1, math.ceil(count / MOST_TRACED))
    shown = [*range(0, max(count - 1, 0), every), *([count - 1] if count else [])]
    return [(i, run.history[i].loglik) for i in shown]


def _sentence(run: Run) -> str:
    """What happened last, in words."""
    at, rows = run.at, run.rows
    if not run.seen:
        if at == 0:
            return ("Start: nothing is believed yet. The E-step will share each point out among "
                    "the components.")
        return ("M-step: weights, means and standard deviations have moved to where the shares "
                "call for. The next E-step says what that is worth.")
    if at == 0 and run.begun.how == "found":
        what = "search" if run.begun.origin is None else "climb from the start placed here"
        return (f"Optimum {run.begun.optimum + 1} of the {what}, with all digits. The next steps "
                f"should move nothing.")
    if at == 0:
        return ("E-step: each point is shared out among the components, in proportion to weight "
                "times density. The M-step will follow the shares.")
    few = rows.n <= DOUBTED_ROWS
    doubt = most_unsure(run.mixture, rows.source.points) if few else None
    return narrate(run.history[at - 1], run.history[at], doubt, rows.names)


def under(run: Run, place: Sequence[float], pair: Sequence[int]) -> dict[str, Any]:
    """The rows nearest to a place, and what each component is believed to have of them."""
    rows, believed = run.rows, run.believed
    nearest = rows.near(place, pair, LISTED)
    points = rows.source.points[nearest]
    shares = None if believed is None else believed.mixture.responsibilities(points).tolist()
    shown = points if rows.d == 1 else points[:, list(pair)]
    return {"rows": nearest.tolist(), "values": shown.tolist(), "shares": shares}

