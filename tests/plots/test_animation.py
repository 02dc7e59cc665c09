"""EM as a film: which moments it shows, what stands in its frames, and what becomes of its file."""

from __future__ import annotations

import io
import os
import shutil
import stat
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import emix
from emix.cli import main
from emix.errors import MissingProgramError, ParameterError, WriteError
from emix.plots import animate, style
from emix.plots.films import COLOURS, write_film
from emix.plots.timeline import (
    AT_END,
    AT_START,
    IN_PARTS,
    MOST_AT_ONCE,
    REST,
    between,
    moments,
    movement,
    taken,
)

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

WAITING = emix.datasets.load("faithful")["waiting"]
FAITHFUL = emix.datasets.load("faithful")
START = emix.Mixture.univariate([0.5, 0.5], [60.0, 65.0], [10.0, 10.0])
PLANE = emix.Mixture([0.5, 0.5], [[2.5, 80.0], [4.5, 60.0]],
                     np.tile(np.diag([1.0, 150.0]), (2, 1, 1)))


def frames_of(path: Any) -> list[tuple[np.ndarray, float]]:
    """Pixels and seconds of each frame of a file."""
    film = Image.open(path if hasattr(path, "read") else io.BytesIO(Path(path).read_bytes()))
    found = []
    for i in range(film.n_frames):
        film.seek(i)
        found.append((np.asarray(film.convert("RGB")), film.info["duration"] / 1000))
    return found


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("films")
    made = {}
    for name, x, start in (("column", WAITING, START), ("plane", FAITHFUL, PLANE)):
        steps = emix.steps(x, start)
        made[name] = animate(steps, x if name == "column" else FAITHFUL.data,
                             folder / f"{name}.gif", n=1)
    return made


# The moments


def test_steps_are_taken_until_nothing_is_seen_to_move() -> None:
    shown = taken(emix.steps(WAITING, START), None)
    moved = [movement(a.mixture, b.mixture) for a, b in pairwise(shown)]
    assert moved[-1] < REST and min(moved[:-1]) >= REST
    assert shown[0].iteration == 0 and len(shown) < 60
    assert len(taken(emix.steps(WAITING, START), 3)) == 4
    # What stands still from the start on is two steps, not one.
    still = emix.fit(WAITING, 2).mixture
    assert len(taken(emix.steps(WAITING, still), None)) == 3


@pytest.mark.parametrize("n", [0, 1, 2, 5, 26, 200])
def test_moments_pause_go_forward_and_show_the_first_steps_in_parts(n: int) -> None:
    shown = list(islice(emix.steps(WAITING, START), n + 1))
    told = list(moments(shown))
    assert (told[0].step, told[0].seen, told[0].seconds) == (0, None, AT_START)
    assert (told[-1].step, told[-1].seconds) == (n, AT_END)
    times = [moment.step + moment.moved for moment in told]
    assert times == sorted(times)
    assert len(told) <= 2 + 6 * IN_PARTS + MOST_AT_ONCE
    for step in range(min(n, IN_PARTS)):
        mine = [moment for moment in told if moment.step == step and moment.seen == step]
        assert mine[0].words.startswith("E-step") and mine[0].moved == 0
        assert mine[-1].words.startswith("M-step") and mine[-1].moved == 1
    # Points have the colours of the last E-step, never of one that is still to come.
    assert all(moment.seen is None or moment.seen <= moment.step + moment.moved
               for moment in told)


def test_of_many_steps_those_are_shown_that_move() -> None:
    shown = list(islice(emix.steps(WAITING, START), 201))
    at_once = [moment.step for moment in moments(shown) if moment.words.startswith("E-step and")]
    early = sum(step <= 30 for step in at_once)
    assert early > len(at_once) - early and at_once[-1] > 150


def test_between_two_mixtures_is_a_mixture() -> None:
    first, *_, last = taken(emix.steps(FAITHFUL, PLANE), None)
    assert between(first.mixture, last.mixture, 0.0) is first.mixture
    assert between(first.mixture, last.mixture, 1.0) is last.mixture
    half = between(first.mixture, last.mixture, 0.5)
    assert half.weights.sum() == pytest.approx(1)
    assert np.allclose(half.covariances,
                       (first.mixture.covariances + last.mixture.covariances) / 2)


# The frames


@pytest.mark.parametrize("kind", ["column", "plane"])
def test_a_film_is_small_pauses_and_stands_on_white(films: Any, kind: str) -> None:
    frames = frames_of(films[kind])
    assert len(frames) == 8 and os.path.getsize(films[kind]) < 150_000
    assert frames[0][1] == pytest.approx(AT_START) and frames[-1][1] == pytest.approx(AT_END)
    for pixels, _ in frames:
        assert pixels.shape == (440, 640, 3) and (pixels[0, 0] == 255).all()
        codes = pixels.astype(int) @ [1 << 16, 1 << 8, 1]
        assert len(np.unique(codes)) <= COLOURS


def rug_of(pixels: np.ndarray) -> np.ndarray:
    """The pixels of the rug that are not white."""
    row = pixels[266, 80:620].astype(int)
    return row[row.min(axis=1) < 200]


def test_points_are_grey_until_the_first_e_step_gives_them_colours(films: Any) -> None:
    frames = frames_of(films["column"])
    start, seen = rug_of(frames[0][0]), rug_of(frames[1][0])
    assert len(start) > 20 and len(seen) > 20
    assert np.ptp(start, axis=1).max() < 40
    assert np.ptp(seen, axis=1).max() > 60
    # A tick's edge is blended with the white beside it, which keeps its hue.
    for place, tick in ((43.0, seen[0]), (96.0, seen[-1])):
        ink = 255 - style.blend(START.responsibilities([place]))[0] * 255
        drawn = 255.0 - tick
        assert ink @ drawn / np.linalg.norm(ink) / np.linalg.norm(drawn) > 0.99


def test_components_move_and_the_likelihood_climbs(films: Any) -> None:
    for kind in ("column", "plane"):
        frames = frames_of(films[kind])
        above = [pixels[65:280] for pixels, _ in frames]
        assert all((a != b).any() for a, b in pairwise(above[1:7]))
        strip = [pixels[340:400] for pixels, _ in frames]
        assert (strip[0] == strip[1]).all() and (strip[0] != strip[-1]).any()


def test_the_same_steps_make_the_same_bytes(films: Any, tmp_path: Path) -> None:
    again = animate(emix.steps(WAITING, START), WAITING, tmp_path / "again.gif", n=1)
    assert Path(again).read_bytes() == Path(films["column"]).read_bytes()


def test_of_many_columns_those_are_shown_that_part_the_components(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iris = emix.datasets.load("iris")
    shown: list[Any] = []

    def keep(path: object, frames: Any) -> None:
        shown.append(next(iter(frames)))

    from emix.plots import animation

    monkeypatch.setattr("emix.plots.animation.write_film", keep)
    labels: list[str] = []
    real = style.frame
    monkeypatch.setattr(animation.style, "frame", lambda ax, title, x, y: (
        labels.extend([x, y]), real(ax, title, x, y)))
    fit = emix.fit(iris, 3, covariance="VEV")
    animate(emix.steps(iris, fit.mixture, covariance="VEV"), iris.data, tmp_path / "x.gif", n=0,
            names=iris.columns)
    assert labels[:2] == ["Petal_Length", "Petal_Width"] and shown[0][0].shape == (440, 640, 3)


# Files


def test_what_is_no_film_is_refused_before_any_step(tmp_path: Path) -> None:
    def never() -> Any:
        raise AssertionError("a step was made")
        yield

    with pytest.raises(ParameterError, match=r"ends in \.gif or \.mp4"):
        animate(never(), WAITING, tmp_path / "film.avi")
    with pytest.raises(ParameterError, match="number of steps"):
        animate(never(), WAITING, tmp_path / "film.gif", n=-1)
    with pytest.raises(ParameterError, match="no steps"):
        animate([], WAITING, tmp_path / "film.gif")
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_what_to_install_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingProgramError, match=r"needs ffmpeg; install it.*or write a \.gif"):
        animate(emix.steps(WAITING, START), WAITING, tmp_path / "film.mp4", n=0)
    assert issubclass(MissingProgramError, OSError) and list(tmp_path.iterdir()) == []


def few_frames() -> list[tuple[np.ndarray, float]]:
    return [(np.full((32, 48, 3), level, np.uint8), 0.2) for level in (0, 120, 255)]


def test_what_ffmpeg_says_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'Unknown encoder' >&2\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    there = tmp_path / "film.mp4"
    there.write_text("before")
    with pytest.raises(MissingProgramError, match="Unknown encoder"):
        write_film(there, few_frames())
    assert there.read_text() == "before"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the program ffmpeg is not installed")
def test_an_mp4_is_written_where_there_is_ffmpeg(tmp_path: Path) -> None:
    write_film(tmp_path / "one.mp4", few_frames())
    write_film(tmp_path / "two.MP4", few_frames())
    film = (tmp_path / "one.mp4").read_bytes()
    assert film[4:8] == b"ftyp" and film.index(b"moov") < film.index(b"mdat")
    assert film == (tmp_path / "two.MP4").read_bytes()


def test_a_gif_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        write_film(tmp_path / "film.gif", few_frames())
    assert list(tmp_path.iterdir()) == []


def test_a_gif_keeps_frames_and_seconds() -> None:
    from emix.plots.films import _gif

    found = frames_of(io.BytesIO(_gif(few_frames())))
    assert [round(seconds, 2) for _, seconds in found] == [0.2, 0.2, 0.2]
    assert [int(pixels.mean()) for pixels, _ in found] == [0, 120, 255]


# The command line


def test_steps_animate_writes_a_film_whatever_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "em.gif"
    result = CliRunner().invoke(main, ["steps", "teaching", "-k", "1", "--sd", "1", "-n", "0",
                                       "--start-means", "2", "--animate", str(path)])
    assert result.exit_code == 0, result.output
    assert "Iteration 1" not in result.output and f"wrote {path}" in result.output
    assert len(frames_of(path)) > 8


@pytest.mark.parametrize(("name", "code"), [("em.avi", 2), ("none/em.gif", 1)])
def test_a_film_that_could_not_be_written_is_refused_first(
    tmp_path: Path, name: str, code: int
) -> None:
    result = CliRunner().invoke(main, ["steps", "teaching", "-k", "2", "--animate",
                                       str(tmp_path / name)])
    assert result.exit_code == code and "Start" not in result.output
