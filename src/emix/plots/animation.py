"""EM at work: components that move, points that change colour, a log-likelihood that climbs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import is_whole
from emix.errors import ParameterError
from emix.given import as_rows
from emix.plots import style
from emix.plots.backend import matplotlib, round_ticks
from emix.plots.cloud import names_of
from emix.plots.films import check_film, write_film
from emix.plots.grids import weighted
from emix.plots.pairs import separating
from emix.plots.stages import ColumnStage, PlaneStage, Stage
from emix.plots.timeline import Moment, between, moments, taken

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.em import Step
    from emix.plots.films import Frame

# Inches and dots per inch: 640 by 440 pixels.
SIZE, DPI = (6.4, 4.4), 100
# Left, bottom, width, height of the two parts, in shares of the picture.
ABOVE, BELOW = (0.105, 0.365, 0.875, 0.49), (0.105, 0.105, 0.875, 0.135)


def animate(
    steps: Iterable[Step],
    x: object,
    path: str | os.PathLike[str],
    *,
    n: int | None = None,
    names: Sequence[str] | None = None,
    unit: str | None = None,
    sample_weight: object = None,
) -> str:
    """Write the steps of EM on x (n,) or (n, d), as `emix.steps` yields them, as a film.

    `path` ends in .gif, or in .mp4 where the program ffmpeg is installed; it is written whole or
    not at all, and returned. The first three steps are shown in parts: the E-step gives each point
    the colours of its responsibilities, the M-step moves the components. The others follow at
    once, of many only some, with pauses at the start and the end. Without `n`, the number of
    steps, it goes on until nothing is seen to move, 1000 steps at most.

    In one column the histogram under density and components, with a rug of the points; in two
    the points and ellipses; in more, the two columns in which the components end up farthest apart.
    Below, the log-likelihood (with a prior: the log-posterior) step by step. `names` (d,) and
    `unit`, of one column, are for the axes.

    The same steps make the same film to the byte. Raises `ParameterError` for another ending,
    `DataError` for unusable x, `MissingProgramError` without ffmpeg, `MissingExtraError` without
    matplotlib, `WriteError` where the file cannot be written.

    >>> import emix, pathlib, tempfile
    >>> start = emix.Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = animate(emix.steps([3.0, 4.5], start), [3.0, 4.5], f"{folder}/em.gif", n=1)
    ...     pathlib.Path(path).read_bytes()[:6]
    b'GIF89a'
    """
    if n is not None and not is_whole(n, 0):
        raise ParameterError(f"n={n!r}; expected a number of steps, or None for as many as move")
    check_film(path)
    shown = taken(steps, n)
    if not shown:
        raise ParameterError("there are no steps to animate; expected at least the start, as "
                             "emix.steps yields it")
    d = shown[0].mixture.n_features
    rows, weight = weighted(as_rows(x, d).astype(np.float64), sample_weight)
    named = ["x"] if names is None and d == 1 else names_of(x, names, d)
    write_film(path, _frames(shown, rows, weight, named, unit))
    return os.fspath(path)


def _frames(
    steps: list[Step], rows: Floats, weight: Floats | None, names: list[str], unit: str | None
) -> Iterator[Frame]:
    package = matplotlib()
    figure = package.figure.Figure(figsize=SIZE, dpi=DPI, facecolor="white")
    canvas = package.backends.backend_agg.FigureCanvasAgg(figure)
    above, below = figure.add_axes(ABOVE), figure.add_axes(BELOW)
    stage, pair = _stage(above, steps, rows, weight, names, unit)
    climb = _Climb(below, steps)
    heading = figure.text(0.02, 0.965, "", fontsize=style.TITLE, color=style.INK, va="top",
                          parse_math=False)
    words = figure.text(0.02, 0.895, "", fontsize=style.LABEL, color=style.MUTED, va="top")
    of = style.shortened(", ".join(names), 40)
    for moment in moments(steps):
        at = steps[moment.step].mixture
        ahead = steps[min(moment.step + 1, len(steps) - 1)].mixture
        if pair is not None:
            at, ahead = at.marginal(pair), ahead.marginal(pair)
        seen = None if moment.seen is None else steps[moment.seen].mixture
        stage.show(between(at, ahead, moment.moved), seen)
        climb.show(moment)
        heading.set_text(f"{of}: step {moment.step + (moment.moved == 1)} of {len(steps) - 1}")
        words.set_text(moment.words)
        canvas.draw()
        yield np.array(canvas.buffer_rgba())[:, :, :3], moment.seconds


def _stage(
    ax: Any, steps: list[Step], rows: Floats, weight: Floats | None, names: list[str],
    unit: str | None,
) -> tuple[Stage, Any]:
    """The stage, and the two columns it is of, None where there is only one."""
    mixtures = [step.mixture for step in steps]
    if rows.shape[1] == 1:
        stage: Stage = ColumnStage(ax, rows[:, 0], mixtures, weight)
        style.frame(ax, "", style.axis_label(style.shortened(names[0], 40), unit), "density")
        ax.set_yticks([])
        return stage, None
    pair = separating(mixtures[-1], 2)
    stage = PlaneStage(ax, rows, mixtures, pair)
    style.frame(ax, "", *(style.shortened(names[j]) for j in pair))
    return stage, pair


class _Climb:
    """The strip below: the objective of all steps, and how far it has climbed."""

    def __init__(self, ax: Any, steps: list[Step]) -> None:
        self.heights = np.array([step.objective for step in steps])
        has_prior = any(step.objective != step.loglik for step in steps)
        places, low, high = np.arange(len(steps)), self.heights.min(), self.heights.max()
        room = 0.12 * (high - low) or 1.0
        ax.plot(places, self.heights, color=style.PALE, linewidth=1.6, zorder=1)
        (self.line,) = ax.plot([], [], color=style.colour(0), linewidth=1.8, zorder=2)
        (self.dot,) = ax.plot([], [], "o", color=style.colour(0), markersize=5, zorder=3,
                              clip_on=False)
        what = "log-posterior" if has_prior else "log-likelihood"
        style.frame(ax, "", "step", "")
        ax.set_xlim(0, max(len(steps) - 1, 1))
        ax.set_ylim(low - room, high + room)
        ax.set_xticks(round_ticks(0, max(len(steps) - 1, 1), 8, whole=True))
        ax.set_yticks([])
        ax.xaxis.set_label_coords(0.5, -0.42)
        self.text = ax.text(0.0, 1.06, "", transform=ax.transAxes, fontsize=style.TICK,
                            color=style.INK, va="bottom")
        self.what = what

    def show(self, moment: Moment) -> None:
        at = moment.step + (moment.moved == 1)
        self.line.set_data(np.arange(at + 1), self.heights[: at + 1])
        self.dot.set_data([at], [self.heights[at]])
        self.text.set_text(f"{self.what} {style.fixed(float(self.heights[at]), 4)}")
