"""Draw the pictures of the documentation again, beside this file: `python docs/images/make.py`.

It needs emix with its extra `plot`, and the data sets that come with emix, nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import emix
from emix import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDER = Path(__file__).resolve().parent
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


def main() -> None:
    for draw in (waiting, galaxies, kmeans, trace, responsibilities, truth, faithful, iris, bic,
                 mahalanobis):
        # Without the date and version that matplotlib notes, the same picture has the same bytes.
        draw().figure.savefig(FOLDER / f"{draw.__name__}.png", metadata={"Software": None})


if __name__ == "__main__":
    main()
