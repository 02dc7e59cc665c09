"""Branch and bound over the means of k normals of σ = 1: is a known maximum the global one?

A box holds an interval for each mean. For any positive f, no mixture with means in it exceeds Σ w
log f(z) + W log max_u D(u), u in the box's intervals (see `certificates.ceiling`): f is the best
mixture that a few EM steps find with means kept in the box, and D is bounded between the places
where it is computed by log D(u) + u²/2 being convex. What is lost is of second order in the box's
width, so that boxes near an optimum need not be much smaller than they are far from it; about the
known maximum itself stands an interval in which it is proven to be the only one
(`certificates.concavity`). Means can be taken in ascending order, and within the data, as one
beyond gives every point less density than one at their end.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from emix.certificates.supremum import PEAK, ROUNDING

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order

# Numbers held at once, boxes × components × places × points.
AT_ONCE = 1 << 20
# The first boxes are so wide, in σ, unless that makes more than so many intervals.
FIRST_WIDTH, MOST_INTERVALS = 1.0, 60
EM_STEPS, MORE_EM_STEPS = 4, 12
# Parts that an interval is cut into for the bound.
PARTS = 4
# Boxes kept at most: what is in memory then is some 100 MB.
MOST_BOXES = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Intervals [low, high] for each mean, (b, k) each; weights (b, k) to begin EM with; and what
    no mixture with means there exceeds, (b,), per row."""

    low: Floats
    high: Floats
    weights: Floats
    bounds: Floats

    def chosen(self, which: Mask | Order) -> Boxes:
        return Boxes(self.low[which], self.high[which], self.weights[which], self.bounds[which])

    def __add__(self, other: Boxes) -> Boxes:
        return Boxes(*(np.concatenate([getattr(self, name), getattr(other, name)])
                       for name in ("low", "high", "weights", "bounds")))

    def __len__(self) -> int:
        return len(self.bounds)


@dataclass(frozen=True, slots=True)
class Outcome:
    """upper, per row: what no mixture exceeds; boxes looked at; why the search ended."""

    upper: float
    boxes: int
    reason: str


@dataclass(eq=False)
class Search:
    """Boxes for points z (m,) with shares (m,) that sum to 1, against a log-likelihood `known`.
    All log-likelihoods are per row. Within `halves` (k,) of `means` nothing exceeds it by more than
    `excess`, and by `tolerance` nothing may, for it to count as the best."""

    z: Floats
    shares: Floats
    known: float
    means: Floats
    halves: Floats
    excess: float
    tolerance: float
    boxes: int = field(default=0, init=False)

    def run(self, seconds: float) -> Outcome:
        """The largest bounds first, until none is above what is known or time is up."""
        end = time.monotonic() + seconds
        enough = self.known + self.tolerance
        waiting = self._first()
        while len(waiting):
            if time.monotonic() > end:
                return self._ended(waiting, "the time limit was reached")
            if len(waiting) > MOST_BOXES:
                return self._ended(waiting, f"{MOST_BOXES} boxes were left to look at")
            count = max(AT_ONCE // (len(self.z) * len(self.means) * (PARTS + 1)), 16)
            if len(waiting) > count:
                order = np.argpartition(-waiting.bounds, count)
                now, waiting = waiting.chosen(order[:count]), waiting.chosen(order[count:])
            else:
                now, waiting = waiting, waiting.chosen(np.zeros(len(waiting), dtype=np.bool_))
            left = self._bounded(now, enough)
            if len(left):
                if (left.high - left.low).max(axis=1).min() < 1e-9:
                    return self._ended(waiting + left, "boxes became too small to tell apart")
                waiting = waiting + self._split(left)
        return Outcome(self._least(), self.boxes, "every box was excluded")

    def _least(self) -> float:
        return self.known + max(self.tolerance, self.excess if self.halves.all() else 0.0)

    def _ended(self, waiting: Boxes, reason: str) -> Outcome:
        upper = max(self._least(), float(waiting.bounds.max()))
        return Outcome(upper, self.boxes, reason)

    def _first(self) -> Boxes:
        k = len(self.means)
        low, high = float(self.z[0]), float(self.z[-1])
        parts = int(min(max(np.ceil((high - low) / FIRST_WIDTH), 1), MOST_INTERVALS))
        edges = np.linspace(low, high, parts + 1)
        cells = np.array(list(itertools.combinations_with_replacement(range(parts), k)))
        weights = np.full(cells.shape, 1 / k)
        return Boxes(edges[cells], edges[cells + 1], weights, np.full(len(cells), np.inf))

    def _bounded(self, boxes: Boxes, enough: float) -> Boxes:
        """The boxes that may hold more than `enough`, with their bounds."""
        self.boxes += len(boxes)
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
            return self._tried(boxes.chosen(~self._is_near_peak(boxes)), enough)

    def _tried(self, boxes: Boxes, enough: float) -> Boxes:
        means = 0.5 * (boxes.low + boxes.high)
        for steps in (EM_STEPS, MORE_EM_STEPS):
            if len(boxes) == 0:
                break
            means, weights = self._em(boxes, means, steps)
            # Where arithmetic overflowed (no number), what is known of the larger box holds.
            bounds = np.fmin(self._bounds(boxes, means, weights), boxes.bounds)
            boxes = Boxes(boxes.low, boxes.high, weights, bounds)
            open_boxes = np.logical_not(bounds <= enough)
            boxes, means = boxes.chosen(open_boxes), means[open_boxes]
        return boxes

    def _is_near_peak(self, boxes: Boxes) -> Mask:
        inside = (boxes.low >= self.means - self.halves) & (boxes.high <= self.means + self.halves)
        near: Mask = np.asarray(inside.all(axis=1))
        return near

    def _em(self, boxes: Boxes, means: Floats, steps: int) -> tuple[Floats, Floats]:
        """EM steps with means kept in their intervals; what they give need not be exact."""
        weights = boxes.weights
        for _ in range(steps):
            x = self.z - means[:, :, None]
            r = np.exp(-0.5 * x * x) * weights[:, :, None] + 1e-300
            r *= (self.shares / r.sum(axis=1))[:, None]
            totals = r.sum(axis=2)
            means = np.clip((r @ self.z) / totals, boxes.low, boxes.high)
            weights = np.maximum(totals, 1e-12)
            weights /= weights.sum(axis=1, keepdims=True)
        return means, weights

    def _bounds(self, boxes: Boxes, means: Floats, weights: Floats) -> Floats:
        """(b,) per row, rounded upwards."""
        x = self.z - means[:, :, None]
        # Of logarithms, so that far points do not underflow.
        logs = np.log(weights)[:, :, None] - 0.5 * x * x
        top = logs.max(axis=1)
        log_f = top + np.log(np.exp(logs - top[:, None]).sum(axis=1)) + np.log(PEAK)
        inside = log_f @ self.shares
        places = self._places(boxes)
        x = self.z - places.reshape(len(boxes), -1)[:, :, None]
        scaled = np.exp(-0.5 * x * x - log_f[:, None]) @ self.shares * PEAK
        log_d = np.log(np.maximum(scaled, 1e-300)).reshape(places.shape)
        highest = _between(log_d, np.diff(places, axis=2)).max(axis=(1, 2))
        # A term is exp of a number that is rounded in proportion to its parts, and places are moved
        # by roundings of z: where a term counts, its |x|²/2 is at most |log f| + 60.
        count, sizes = len(self.z), np.abs(log_f)
        largest = sizes.max(axis=1)
        moved = np.sqrt(2 * (largest + 60)) * np.abs(self.z[[0, -1]]).max()
        slack = ROUNDING * (2 * count + 400 + 8 * largest + 4 * moved
                            + count * (sizes @ self.shares))
        bounds: Floats = inside + highest + slack
        return bounds

    def _places(self, boxes: Boxes) -> Floats:
        """PARTS + 1 places in each interval, its ends exactly: (b, k, PARTS + 1)."""
        share = np.linspace(0.0, 1.0, PARTS + 1)
        places: Floats = boxes.low[:, :, None] + (boxes.high - boxes.low)[:, :, None] * share
        places[:, :, -1] = boxes.high
        return places

    def _split(self, boxes: Boxes) -> Boxes:
        """Each box in two, across its widest interval, measured by its part in the mixture."""
        width = (boxes.high - boxes.low) * np.sqrt(np.maximum(boxes.weights, 1e-3))
        which = width.argmax(axis=1)
        rows = np.arange(len(boxes))
        middle = 0.5 * (boxes.low[rows, which] + boxes.high[rows, which])
        low, high = boxes.low.copy(), boxes.high.copy()
        high[rows, which] = middle
        low[rows, which] = middle
        halves = (Boxes(boxes.low, high, boxes.weights, boxes.bounds)
                  + Boxes(low, boxes.high, boxes.weights, boxes.bounds))
        # Means ascend: the later ones cannot all lie below an earlier one's interval.
        possible = np.asarray((halves.low[:, :-1] <= halves.high[:, 1:]).all(axis=1))
        return halves.chosen(possible)


def _between(log_d: Floats, step: Floats) -> Floats:
    """The most that log D can be between neighbouring places: log D + u²/2 is convex, so log D is
    below the straight line plus λ (1 − λ) step² / 2 at the share λ of the way."""
    low, high = log_d[:, :, :-1], log_d[:, :, 1:]
    rise, bow = np.abs(high - low), 0.5 * step**2
    inner = 0.5 * (low + high) + bow / 4 + rise**2 / (4 * bow)
    most: Floats = np.where(rise < bow, inner, np.maximum(low, high))
    return most
