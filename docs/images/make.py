"""Draw the pictures of the documentation again, beside this file: `python docs/images/make.py`, or
only those named: `python docs/images/make.py waiting em`.

It needs emix with its extra `plot`, and the data sets that come with emix, nothing else.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

import emix
from emix import plots
from emix.plots.backend import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDER = Path(__file__).resolve().parent
DPI, COLOURS = 120, 96
TRUTH = emix.Mixture.univariate([0.3, 0.5, 0.2], [0.0, 3.0, 7.0], [1.0, 1.2, 0.5])


def waiting() -> Axes:
    x = emix.datasets.load("faithful")["waiting"]
    return plots.plot_density(emix.fit(x, 2).mixture, x, name="waiting", unit="minutes")


def galaxies() -> Axes:
    x = emix.datasets.load("galaxies")["velocity"]
    return plots.plot_density(emix.fit(x, 4).mixture, x, name="velocity", unit="1000 km/s")


def kmeans() -> Axes:
    x = emix.datasets.load("enzyme")["enzyme"]
    return plots.plot_kmeans(emix.fit(x, 3).compare_kmeans(x), name="enzyme activity", unit="ratio")


def trace() -> Axes:
    x = emix.datasets.load("galaxies")["velocity"]
    # From one plain start EM pauses on a plateau before it finds the best: worth seeing.
    start = emix.Mixture.univariate([0.25] * 4, [9.0, 18.0, 23.0, 33.0], [2.0] * 4)
    return plots.plot_trace(replace(emix.fit(x, 4, start=start), columns=("velocity",)))


def responsibilities() -> Axes:
    x = emix.datasets.load("galaxies")["velocity"]
    return plots.plot_responsibilities(emix.fit(x, 4).mixture, x, name="velocity",
                                       unit="1000 km/s")


def truth() -> Axes:
    x, _ = TRUTH.sample(600, seed=0)
    return plots.plot_density(emix.fit(x, 3).mixture, x, name="simulated", truth=TRUTH)


def faithful() -> Axes:
    data = emix.datasets.load("faithful")
    return emix.fit(data, 3, covariance="EEE").plot(data)


def iris() -> Axes:
    data = emix.datasets.load("iris")
    return emix.fit(data, 3, covariance="VEV").plot(data)


def bic() -> Axes:
    return emix.select(emix.datasets.load("iris")).plot()


def mahalanobis() -> Axes:
    data = emix.datasets.load("diabetes")
    return plots.plot_mahalanobis(emix.fit(data, 3).mixture, data.data)


def classification() -> Axes:
    data = emix.datasets.load("faithful")
    return plots.plot_classification(emix.fit(data, 3, covariance="EEE").mixture, data.data,
                                     names=data.columns)


def criteria() -> Axes:
    return emix.select(emix.datasets.load("galaxies")["velocity"], range(1, 8)).plot(
        kind="criteria")


def intervals() -> Axes:
    errors = emix.fit(emix.datasets.load("galaxies")["velocity"], 4).uncertainty
    assert errors is not None
    return replace(errors, columns=("velocity",)).plot()


def profile() -> Axes:
    x = emix.datasets.load("faithful")["waiting"]
    return emix.fit(x, 2).profile(x, "sd 1").plot()


def floor() -> Axes:
    x = emix.datasets.load("galaxies")["velocity"]
    return replace(emix.fit(x, 4), columns=("velocity",)).floor_path(x).plot()


def optima() -> Axes:
    x = emix.datasets.load("galaxies")["velocity"]
    return plots.plot_optima(replace(emix.fit(x, 5), columns=("velocity",)))


def quantiles() -> Axes:
    x = emix.datasets.load("faithful")["waiting"]
    return replace(emix.fit(x, 2), columns=("waiting",)).goodness(x).plot()


def transforms() -> Axes:
    x = emix.datasets.load("faithful")["waiting"]
    return replace(emix.fit(x, 2), columns=("waiting",)).goodness(x).plot(kind="pit")


def certificate() -> Axes:
    x = emix.datasets.load("galaxies")["velocity"]
    fit = replace(emix.fit(x, 3, covariance="E"), columns=("velocity",))
    return emix.certify(x, fit).plot(x)


def column() -> Axes:
    """At the width of a paper's column."""
    x = emix.datasets.load("galaxies")["velocity"]
    return plots.plot_density(emix.fit(x, 4).mixture, x, name="velocity", unit="1000 km/s",
                              ax=axes_or_new(None, (3.4, 3.3)))


def em(path: Path) -> None:
    """EM at work in one column, from a poor start."""
    x = emix.datasets.load("faithful")["waiting"]
    start = emix.Mixture.univariate([0.5, 0.5], [60.0, 65.0], [10.0, 10.0])
    plots.animate(emix.steps(x, start), x, path, names=["waiting"], unit="minutes")


PICTURES = (waiting, galaxies, responsibilities, kmeans, truth, faithful, classification, iris, em,
            trace, optima, intervals, profile, floor, certificate, quantiles, transforms,
            mahalanobis, bic, criteria, column)


def main(names: list[str]) -> None:
    for draw in PICTURES:
        if names and draw.__name__ not in names:
            continue
        if draw is em:
            em(FOLDER / "em.gif")
            continue
        file = io.BytesIO()
        draw().figure.savefig(file, dpi=DPI)
        # Few colours, and neither date nor version: small, and of the same picture the same bytes.
        drawn = Image.open(file).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        drawn.save(FOLDER / f"{draw.__name__}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
