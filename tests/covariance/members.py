"""Random members of every family, random scatter, and dense arithmetic to hold them to."""

from __future__ import annotations

import numpy as np

from emix.covariance import STRUCTURES, Common, Dense, Diagonal, Isotropic, Oriented

FLOOR = 2.0**-44


def orthogonal(rng: np.random.Generator, d: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def value(kind: str, rng: np.random.Generator, k: int, d: int):
    """Any covariances of one type of value."""
    if kind == "Isotropic":
        return Isotropic(np.exp(rng.normal(0, 2, k)), d)
    if kind == "Diagonal":
        return Diagonal(np.exp(rng.normal(0, 2, (k, d))))
    if kind == "Oriented":
        axes = np.exp(rng.normal(0, 2, (k, d)))
        return Oriented(axes, np.stack([orthogonal(rng, d) for _ in range(k)]))
    roots = rng.normal(size=(k, d, d)) + 2 * np.eye(d)
    dense = Dense.from_matrices(roots @ np.swapaxes(roots, 1, 2))
    return Common(dense.factors[0].copy(), k) if kind == "Common" else dense


VALUES = ("Isotropic", "Diagonal", "Common", "Dense", "Oriented")


def member(name: str, rng: np.random.Generator, k: int, d: int, spread: float = 0.7) -> np.ndarray:
    """Matrices (k, d, d) that the three letters allow, drawn at random."""
    def drawn(letter: str, one, identity):
        return {"I": lambda: [identity] * k, "E": lambda: [one()] * k,
                "V": lambda: [one() for _ in range(k)]}[letter]()

    def shape():
        logs = rng.normal(0, 2 * spread, d)
        return np.exp(logs - logs.mean())

    volumes = drawn(name[0], lambda: np.exp(rng.normal(0, 2 * spread)), 1.0)
    shapes = drawn(name[1], shape, np.ones(d))
    orientations = drawn(name[2], lambda: orthogonal(rng, d), np.eye(d))
    return np.stack([v * (q * a) @ q.T for v, a, q in
                     zip(volumes, shapes, orientations, strict=True)])


def scattered(rng: np.random.Generator, k: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Scatter (k, d, d) and weight (k,), as soft assignments of a few points would give."""
    weight = rng.uniform(4, 30, k)
    scatter = np.empty((k, d, d))
    for j in range(k):
        points = rng.normal(size=(d + 6, d)) * np.exp(rng.normal(0, 0.7, d))
        points = points @ orthogonal(rng, d) * np.exp(rng.normal(0, 0.7))
        scatter[j] = points.T @ points * weight[j] / len(points)
    return scatter, weight


def in_form(scatter: np.ndarray, form: str) -> np.ndarray:
    if form == "pooled":
        return scatter.sum(axis=0, keepdims=True)
    subscripts = {"spherical": "kii->k", "diagonal": "kii->ki", "full": "kij->kij"}[form]
    return np.einsum(subscripts, scatter)


def expected_loglik(matrices: np.ndarray, scatter: np.ndarray, weight: np.ndarray) -> float:
    """Σ_k −n_k/2 log |Σ_k| − ½ tr Σ_k⁻¹ S_k."""
    logs = np.linalg.slogdet(matrices)[1]
    traces = np.einsum("kii->k", np.linalg.solve(matrices, scatter))
    return float(-0.5 * (weight @ logs + traces.sum()))


def maximised(name: str, old, scatter: np.ndarray, weight: np.ndarray, floor: float = FLOOR):
    rule = STRUCTURES[name]
    everyone = np.ones(len(weight), dtype=bool)
    return rule.maximise(old, in_form(scatter, rule.scatter_form), weight, everyone, floor)


def slope(name: str, covariances, scatter: np.ndarray, weight: np.ndarray, floor: float = FLOOR):
    rule = STRUCTURES[name]
    everyone = np.ones(len(weight), dtype=bool)
    return rule.gradient(
        covariances, in_form(scatter, rule.scatter_form), weight, everyone, floor)


def spheres(k: int, d: int) -> Isotropic:
    return Isotropic(np.ones(k), d)
