"""Frames to a file: GIF by Pillow, MP4 by the program ffmpeg, whole or not at all."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import MissingExtraError, MissingProgramError, ParameterError
from emix.wholefile import write_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    # One frame: its pixels (height, width, 3), and for how many seconds it is shown.
    Frame = tuple[NDArray[np.uint8], float]

ENDINGS = (".gif", ".mp4")
# Of a GIF: one set of colours for all frames, or what stands still would flicker and take room.
COLOURS, LOOKED_AT = 128, 8
# Frames per second of an MP4, in which a frame that lasts is repeated.
RATE = 25


def check_film(path: str | os.PathLike[str]) -> None:
    """Raise `ParameterError` for a name that ends in neither .gif nor .mp4, `MissingExtraError` or
    `MissingProgramError` for what it would need."""
    name = os.fspath(path).lower()
    if not name.endswith(ENDINGS):
        raise ParameterError(f"{os.fspath(path)}: an animation ends in .gif or .mp4")
    if name.endswith(".gif"):
        _pillow()
    elif shutil.which("ffmpeg") is None:
        raise MissingProgramError("ffmpeg", "writing an MP4", "or write a .gif, which needs no "
                                                              "program")


def write_film(path: str | os.PathLike[str], frames: Iterable[Frame]) -> None:
    """Write frames of one size; raises as `check_film` does, and `WriteError`."""
    check_film(path)
    is_gif = os.fspath(path).lower().endswith(".gif")
    write_whole(path, _gif(list(frames)) if is_gif else _mp4(list(frames)))


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as reason:
        raise MissingExtraError("Pillow", "plot", "writing a GIF") from reason
    return Image


def _gif(frames: list[Frame]) -> bytes:
    image = _pillow()
    some = [frames[i][0] for i in np.linspace(0, len(frames) - 1, LOOKED_AT).astype(int)]
    palette = image.fromarray(np.concatenate(some)).quantize(COLOURS, dither=image.Dither.NONE)
    # The ground is to be white, not an average of what is nearly so; and colours that differ in
    # their last three bits are one to Pillow when it looks for the nearest.
    codes = np.array(palette.getpalette()).reshape(-1, 3)
    codes[(codes >= 248).all(axis=1)] = 255
    palette.putpalette(codes.ravel().tolist())
    drawn = [image.fromarray(pixels).quantize(palette=palette, dither=image.Dither.NONE)
             for pixels, _ in frames]
    file = io.BytesIO()
    # Hundredths of a second are all that a GIF knows.
    drawn[0].save(file, format="GIF", save_all=True, append_images=drawn[1:], loop=0,
                  duration=[10 * round(100 * seconds) for _, seconds in frames])
    return file.getvalue()


def _mp4(frames: list[Frame]) -> bytes:
    height, width, _ = frames[0][0].shape
    with tempfile.TemporaryDirectory() as folder:
        film = os.path.join(folder, "film.mp4")
        command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24",
                   "-s", f"{width}x{height}", "-r", str(RATE), "-i", "-", "-an",
                   "-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-pix_fmt", "yuv420p",
                   "-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact", film]
        done = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.stdin is not None
        # A program that has given up reads no more; it says why.
        with suppress(BrokenPipeError):
            for pixels, seconds in frames:
                for _ in range(max(1, round(RATE * seconds))):
                    done.stdin.write(pixels.tobytes())
        said = done.communicate()[1].decode(errors="replace").strip().splitlines()
        if done.returncode != 0:
            raise MissingProgramError("an ffmpeg that writes MP4", "writing an MP4",
                                      f"this one said: {said[-1] if said else 'nothing'}")
        with open(film, "rb") as file:
            return file.read()
