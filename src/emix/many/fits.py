"""Fits: what came of many fits at once, one for each group."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.climbing.climb import Outcome
from emix.errors import EmixError, NotFittedError
from emix.names import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emix.arrays import Floats, Mask
    from emix.model import Model
    from emix.result import Fit

FAILED = "failed"
# Groups named in a report.
SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Bests:
    """The best optimum of each of g groups, as arrays (g, ...), NaN where a group has none.

    spreads are standard deviations (g, k, d), correlations those of each component, its columns in
    pairs (g, k, d (d − 1) / 2); outcomes (g,) place in `OUTCOMES`, −1 for a group that failed.
    """

    weights: Floats
    means: Floats
    spreads: Floats
    correlations: Floats
    n: Floats
    loglik: Floats
    hard: Floats
    outcomes: NDArray[np.int64]
    degenerate: Mask

    @classmethod
    def nothing(cls, g: int, k: int, d: int) -> Bests:
        """Nothing is fitted yet."""
        def unknown(*shape: int) -> Floats:
            return np.full((g, *shape), np.nan)

        return cls(unknown(k), unknown(k, d), unknown(k, d), unknown(k, d * (d - 1) // 2),
                   unknown(), unknown(), unknown(), np.full(g, -1), np.zeros(g, dtype=np.bool_))

    def put(self, i: int, fit: Fit) -> None:
        """The best optimum of group i from its fit."""
        mixture = fit.mixture
        self.weights[i], self.means[i] = mixture.weights, mixture.means
        factors = mixture.covariance.factors
        sds = np.linalg.norm(factors, axis=2)
        self.spreads[i] = mixture.sds[:, None] if mixture.n_features == 1 else sds
        if mixture.n_features > 1:
            unit = factors / sds[:, :, None]
            first, second = np.triu_indices(mixture.n_features, 1)
            self.correlations[i] = (unit @ unit.transpose(0, 2, 1))[:, first, second]
        self.n[i], self.loglik[i], self.hard[i] = fit.n, fit.loglik, fit.classification[0]
        self.outcomes[i] = OUTCOMES.index(fit.outcome)
        self.degenerate[i] = bool(fit.degenerate)


OUTCOMES = tuple(Outcome)


class Fits(Mapping[Hashable, "Fit"]):
    """The fits of many groups: a mapping from the name of a group to its `Fit`.

    `fits[name]` is the whole `Fit`, to the bit what `emix.fit` finds for the group alone; in one
    column it is made when it is first asked for, from the same data, for ten thousand of them with
    all their optima would fill memory. A group that failed raises its error there.

    names     (g,) the groups, in the order given or in which they first appear
    failures  the groups that could not be fitted, each with its error
    columns   (d,) the names of the columns
    warnings  in plain words, for all groups together; empty when there is nothing to say
    n, loglik, bic, icl, converged, degenerate    (g,) of the best optimum of each group, NaN and
              False where it failed
    weights (g, k), means (g, k, d), sds (g, k, d)    its components, in canonical order

    >>> import emix
    >>> fits = emix.fit_many({"a": [1.0, 2.0, 4.0, 9.0], "b": [3.0, 5.0]}, 1)
    >>> fits["a"].mixture.mean, fits.means[:, 0, 0].tolist(), fits.failures
    (4.0, [4.0, 4.0], {})
    """

    def __init__(
        self, names: Sequence[Hashable], keys: Mapping[str, Any], columns: tuple[str, ...],
        model: Model, bests: Bests, failures: Mapping[int, EmixError],
        one: Callable[[int], Fit], frame: Any = None,
    ) -> None:
        self.names, self.columns, self.model = names, columns, model
        self._keys, self._bests, self._failures = keys, bests, failures
        self._one, self._frame = one, frame
        self._made: dict[int, Fit] = {}
        self._places: dict[Hashable, int] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.names)

    def __getitem__(self, name: Hashable) -> Fit:
        i = self._place(name)
        if i in self._failures:
            raise self._failures[i]
        if i not in self._made:
            self._made[i] = self._one(i)
        return self._made[i]

    def _place(self, name: Hashable) -> int:
        if self._places is None:
            self._places = {each: i for i, each in enumerate(self.names)}
        return self._places[name]

    @property
    def failures(self) -> dict[Hashable, EmixError]:
        return {self.names[i]: error for i, error in sorted(self._failures.items())}

    @property
    def k(self) -> int:
        """The number of components."""
        return self.model.n_components

    @property
    def df(self) -> int:
        """Free parameters of each fit."""
        return self.model.n_parameters

    @property
    def n(self) -> Floats:
        return self._bests.n

    @property
    def loglik(self) -> Floats:
        return self._bests.loglik

    @property
    def bic(self) -> Floats:
        """−2 loglik + df log n, (g,); smaller is better."""
        sizes, which = np.unique(self.n, return_inverse=True)
        # The logarithm of `Fit.bic`, to the bit.
        logs = np.array([math.log(n) if n > 0 else math.nan for n in sizes.tolist()])
        bic: Floats = -2 * self.loglik + self.df * logs[which.reshape(-1)]
        return bic

    @property
    def icl(self) -> Floats:
        """BIC and a charge for every point whose component is unsure, (g,); see `Fit.icl`."""
        return self.bic - 2 * self._bests.hard

    @property
    def converged(self) -> Mask:
        converged: Mask = self._bests.outcomes == OUTCOMES.index(Outcome.CONVERGED)
        return converged

    @property
    def degenerate(self) -> Mask:
        return self._bests.degenerate

    @property
    def weights(self) -> Floats:
        return self._bests.weights

    @property
    def means(self) -> Floats:
        return self._bests.means

    @property
    def sds(self) -> Floats:
        return self._bests.spreads

    def table(self) -> Any:
        """One row for each group: a data frame of the kind that the groups came in (pandas, polars
        and others), else a dictionary of arrays (g,).

        Its columns: the group (named as the `by` columns, or "group"); n, loglik, bic, icl;
        outcome ("converged", "not converged", ..., "failed"); degenerate; for each component j from
        1 its weight_j, mean_j and sd_j, in several columns mean_j_NAME, sd_j_NAME for each and
        correlation_j_NAME_NAME for each pair; and message, the error of a group that failed.
        """
        from emix import frames

        data = self._columns_of_table()
        if self._frame is None:
            return {**self._keys, **data}
        return frames.beside(self._frame, self._keys, data)

    def _columns_of_table(self) -> dict[str, NDArray[Any]]:
        words = np.array([*(each.value for each in OUTCOMES), FAILED])
        data: dict[str, NDArray[Any]] = {
            "n": self.n, "loglik": self.loglik, "bic": self.bic, "icl": self.icl,
            "outcome": words[self._bests.outcomes], "degenerate": self.degenerate,
        }
        one = len(self.columns) == 1
        ends = [""] if one else [f"_{name}" for name in self.columns]
        first, second = np.triu_indices(len(self.columns), 1)
        pairs = [f"{ends[a]}{ends[b]}" for a, b in zip(first, second, strict=True)]
        for j in range(self.k):
            data[f"weight_{j + 1}"] = self.weights[:, j]
            for what, values, names in (("mean", self.means, ends), ("sd", self.sds, ends),
                                        ("correlation", self._bests.correlations, pairs)):
                for at, end in enumerate(names):
                    data[f"{what}_{j + 1}{end}"] = values[:, j, at]
        messages = [""] * len(self)
        for i, error in self._failures.items():
            messages[i] = str(error)
        return {**data, "message": np.array(messages)}

    @property
    def is_complete(self) -> bool:
        """Whether no group was left out because of Ctrl-C."""
        return not any(isinstance(error, NotFittedError) for error in self._failures.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        fitted = self._bests.outcomes >= 0
        g = len(self)
        notes = []
        interrupted = [i for i, e in self._failures.items() if isinstance(e, NotFittedError)]
        failed = [i for i in self._failures if i not in set(interrupted)]
        if failed:
            notes.append(f"{len(failed)} of {g} groups could not be fitted: {self._some(failed)}; "
                         f"the first: {self._failures[min(failed)]}")
        if interrupted:
            notes.append(f"interrupted: {len(interrupted)} of {g} groups are not fitted: "
                         f"{self._some(interrupted)}")
        for what, which in (("did not converge", fitted & ~self.converged),
                            ("rest on a degenerate component", fitted & self.degenerate)):
            if which.any():
                notes.append(f"{int(which.sum())} of {g} groups {what}: "
                             f"{self._some(np.flatnonzero(which).tolist())}")
        return tuple(notes)

    def _some(self, which: Sequence[int]) -> str:
        names = [repr(self.names[i]) for i in sorted(which)[:SHOWN]]
        more = len(which) - len(names)
        return listed(names, str) + (f" and {more} more" if more > 0 else "")

    def _repr_html_(self) -> str:
        from emix import reporting

        return reporting.of_fits(self)

    def __repr__(self) -> str:
        return (f"<Fits of {len(self)} groups, k={self.k} {self.model.structure.name}, "
                f"{int(self.converged.sum())} converged, {len(self._failures)} failed>")
