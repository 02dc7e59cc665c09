"""EEE, VEE, EVV and VVV: ellipsoids Σ_k = λ_k C_k whose form C_k, |C_k| = 1, is shape and
orientation at once: one for all components, or each its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.common import Common
from emix.covariance.dense import Dense
from emix.covariance.factoring import (
    floored_cholesky,
    log_determinants,
    resting_pivots,
    whitened,
)
from emix.covariance.family import Family
from emix.covariance.free_directions import along_factors
from emix.covariance.volumes import balanced_volumes

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Covariances, Letter, ScatterForm


@dataclass(frozen=True, slots=True, init=False)
class Ellipsoidal(Family):
    """VVV: S_k / n_k. EEE: Σ S_k / n. EVV: C_k = S_k / |S_k|^(1/d), λ = Σ |S_k|^(1/d) / n.
    VEE: C = Σ S_k / λ_k normalised, λ_k = tr(S_k C⁻¹) / dn_k, solved for both at once."""

    def __init__(self, volume: Letter, form: Letter) -> None:
        Family.__init__(self, volume, form, form)

    @property
    def form(self) -> Letter:
        return self.shape

    @property
    def scatter_form(self) -> ScatterForm:
        return "pooled" if self.is_common else "full"

    @property
    def is_scale_free(self) -> bool:
        return True

    def _estimate(
        self, old: Covariances, scatter: Floats, weight: Floats, moved: Mask, floor: float
    ) -> Covariances:
        if self.is_common:
            factor = floored_cholesky(scatter / weight.sum(), floor)[0]
            return Common(factor, len(weight))
        if self.form == "E":
            return Dense(_common_form(old, scatter, weight, floor))
        factors = np.array(old.factors)
        each = weight[moved, None, None]
        if self.volume == "V":
            factors[moved] = floored_cholesky(scatter[moved] / each, floor)
        else:
            factors[moved] = floored_cholesky(scatter[moved], floor * np.sqrt(weight[moved]))
            factors = _common_volume(factors, scatter, weight, floor)
        return Dense(factors)

    def _gradient(
        self, covariances: Covariances, scatter: Floats, weight: Floats, learned: Mask,
        floor: float,
    ) -> Floats:
        """By U_k in the Cholesky whitening, the lower triangle."""
        factors = covariances.factors
        identity = np.eye(covariances.n_features)
        if self.is_common:
            factors, weight = factors[:1], weight.sum(keepdims=True)
        else:
            factors, scatter, weight = factors[learned], scatter[learned], weight[learned]
        excess = whitened(factors, scatter) - weight[:, None, None] * identity
        resting = resting_pivots(factors, floor)
        return along_factors(excess, resting, self.volume, self.form)

    def conform(self, covariances: Covariances, weights: Floats) -> Covariances:
        if self.is_separate and isinstance(covariances, Dense):
            return covariances
        return Family.conform(self, covariances, weights)


def _common_form(old: Covariances, scatter: Floats, weight: Floats, floor: float) -> Floats:
    d, alive = old.n_features, weight > 0
    volumes = balanced_volumes(scatter, weight, np.exp(old.log_determinants / d))
    known = alive & (np.einsum("kii->k", scatter) > 0)
    if not known.any():
        return np.repeat(floor * np.eye(d)[None], len(weight), axis=0)
    pooled = (scatter[known] / volumes[known, None, None]).sum(axis=0, keepdims=True)
    # Pivots of nothing at all, as where a column is constant, need a floor of their own here.
    counts = float((weight[known] / volumes[known]).sum())
    factor = floored_cholesky(pooled, floor * np.sqrt(counts))
    factor = factor / np.exp(log_determinants(factor) / (2 * d))
    excess = np.einsum("kii->k", whitened(factor, scatter[known]))
    # Of a scatter that is all rounding, the trace can be negative.
    volumes[known] = np.maximum(excess, 0.0) / (d * weight[known])
    volumes[alive & ~known] = 0.0
    least = floor / np.diagonal(factor[0]).min()
    factors: Floats = np.maximum(np.sqrt(volumes), least)[:, None, None] * factor
    return factors


def _common_volume(factors: Floats, scatter: Floats, weight: Floats, floor: float) -> Floats:
    """Factors of any volume, those of weight 0 included, brought to the best common one."""
    d, alive = factors.shape[1], weight > 0
    scales = np.exp(log_determinants(factors) / (2 * d))
    sizes, forms = scales**2, factors / scales[:, None, None]
    total = float(weight.sum())
    volume = float(sizes[alive].sum()) / total
    if resting_pivots(factors, 0.0)[alive].any():
        # The size of a floored factor is not what its scatter says.
        excess = np.einsum("kii->", whitened(forms[alive], scatter[alive]))
        volume = max(float(excess), 0.0) / (total * d)
    factors = max(np.sqrt(volume), floor) * forms
    i = np.arange(d)
    factors[:, i, i] = np.maximum(factors[:, i, i], floor)
    return factors
