"""Pictures in files: what can be written, and the writing."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from emix.cli.output import writing
from emix.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emix.cli.inputs import Data
    from emix.em import Step

# What matplotlib writes without further packages.
PICTURES = (".png", ".pdf", ".svg")


def check_picture(path: str) -> None:
    ending = os.path.splitext(path)[1].lower()
    if ending not in PICTURES:
        raise ParameterError(f"{path}: a picture ends in {', '.join(PICTURES[:-1])} or "
                             f"{PICTURES[-1]}, not {ending or 'nothing'!r}")
    check_matplotlib("a plot")


def check_matplotlib(purpose: str) -> None:
    """Raise `MissingExtraError` where it is not installed."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "plot", purpose)


def check_animation(path: str) -> None:
    """Refuse, before anything is computed, a film that could not be written."""
    check_matplotlib("an animation")
    from emix.plots.films import check_film

    check_film(path)


def save_animation(steps: Iterable[Step], data: Data, path: str) -> None:
    """EM on the data as a film, with units beside names."""
    from emix.plots import animate

    unit = data.units[0] if data.n_features == 1 else None
    names = data.names if data.n_features == 1 else data.titles
    with writing(path):
        animate(steps, data.points, path, names=names, unit=unit, sample_weight=data.weights)


def save_picture(axes: Any, path: str) -> None:
    """Save the figure that one Axes, or an array of them, is on."""
    from emix.wholefile import write_whole

    picture = io.BytesIO()
    ending = os.path.splitext(path)[1].lower()
    first = axes if hasattr(axes, "figure") else axes.flat[0]
    first.figure.savefig(picture, format=ending.removeprefix("."), dpi=150)
    with writing(path):
        write_whole(path, picture.getvalue())
