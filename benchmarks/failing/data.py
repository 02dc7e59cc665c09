"""Data on which mixtures of normals go wrong."""

from __future__ import annotations

import numpy as np

import emix


def blobs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    return rng.normal(size=(200, 2)) + 6 * labels[:, None], labels


def issue_10122() -> np.ndarray:
    rng = np.random.RandomState(1234)
    return np.concatenate([
        rng.multivariate_normal([2, 4], [[5, 2], [2, 6]], 300),
        rng.multivariate_normal([0, 0], [[4, 2], [2, 3]], 100),
    ])


SCALES = (1e-3, 1e-6, 1e-150, 1e150)
ILL = [[32.00000007, 35.99999993, 8.00000001], [35.99999993, 40.50000006, 8.99999998],
       [8.00000001, 8.99999998, 2.00000008]]
TWICE = np.repeat([[0.0, 0.5], [1.0, 0.1]], 500, axis=0)
FIVE = np.repeat([[0.0, 0.0], [10.0, 1.0], [3.0, 8.0], [-4.0, 5.0], [6.0, -7.0]], 30, axis=0)
HUNDREDS = np.random.default_rng(8).uniform(100, 480, (20, 10)).round(1)
TIES = np.column_stack([np.append(np.repeat([1.0, 1.1, 1.2, 1.3], 50), 40.0),
                        np.random.default_rng(0).normal(size=201)])
ONE_HOT = np.eye(284)[np.arange(1477) % 284]
RECTIFIED = np.maximum(np.random.default_rng(0).normal(-1, 1, (400, 150)), 0)
WAITING = emix.datasets.load("faithful")["waiting"]
GALAXIES = emix.datasets.load("galaxies")["velocity"]
