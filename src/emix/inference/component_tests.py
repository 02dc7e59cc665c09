"""What tests of the number of components find, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats

QUANTILES = (0.5, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True, eq=False)
class ComponentTest:
    """k components against k + 1.

    statistic  2 (log-likelihood of k + 1 − log-likelihood of k), of the optima of `fit`
    p_value    share of replicates, drawn from the mixture of k, that reach the statistic, the data
               itself counted as one: (1 + #) / (1 + n)
    null       (n,) the statistics of the replicates
    left_out   replicates that could not be refitted
    failure    why there is no test, None where there is one
    """

    k: int
    statistic: float
    p_value: float
    null: Floats
    left_out: int = 0
    failure: str | None = None

    @property
    def quantiles(self) -> dict[float, float]:
        """Some quantiles of the statistic where there are no more than k components."""
        if not len(self.null):
            return {}
        found = np.quantile(self.null, QUANTILES)
        return dict(zip(QUANTILES, map(float, found), strict=True))


    def to_dict(self) -> dict[str, Any]:
        """The test as plain data, the replicates as their quantiles."""
        quantiles = {f"{share:g}": value for share, value in self.quantiles.items()}
        return {"k": self.k, "statistic": _number(self.statistic),
                "p_value": _number(self.p_value), "quantiles": quantiles,
                "left_out": self.left_out, "failure": self.failure}


@dataclass(frozen=True, slots=True, eq=False)
class ComponentTests:
    """Tests of k against k + 1 components, one after the other until one does not reject.

    tests       a `ComponentTest` for each k that was reached
    covariance  the structure's name
    level       p-values above it end the sequence
    em_test     where it was asked for, the EM-test of one component against two
    """

    tests: tuple[ComponentTest, ...]
    covariance: str
    level: float
    n_replicates: int
    columns: tuple[str, ...]
    seed: int
    em_test: ComponentTest | None = None

    @property
    def k(self) -> int:
        """The first number of components that is not rejected; one more than the last where all
        are."""
        last = self.tests[-1]
        return last.k + int(last.failure is None and last.p_value <= self.level)

    @property
    def is_settled(self) -> bool:
        """Whether a test ended the sequence, not the end of `ks` or a failure."""
        last = self.tests[-1]
        return last.failure is None and last.p_value > self.level

    def p_value(self, k: int) -> float:
        """The p-value of k against k + 1 components, NaN where there is none."""
        return next((test.p_value for test in self.tests if test.k == k), float("nan"))

    def report(self) -> str:
        """The tests in words, for people."""
        lines = [f"{', '.join(self.columns)}: bootstrap likelihood-ratio tests "
                 f"({self.covariance}, {self.n_replicates} replicates)", "",
                 f"{'k':>3} {'against':>8} {'statistic':>10} {'p-value':>8}"
                 f"   {'95% point':>9}"]
        for test in self.tests:
            line = f"{test.k:>3} {test.k + 1:>8} "
            if test.failure is not None:
                lines.append(f"{line}{'-':>10} {'-':>8}   {test.failure}")
                continue
            lines.append(f"{line}{test.statistic:>10.3f} {test.p_value:>8.4f}   "
                         f"{test.quantiles[0.95]:>9.3f}"
                         + (f"   {test.left_out} replicates left out" if test.left_out else ""))
        verdict = f"{self.k} component{'s' * (self.k > 1)}"
        lines += ["", f"{verdict}: the first that the {100 * self.level:g}% level does not reject"
                  if self.is_settled else
                  f"At least {verdict}: the sequence ended before a test did not reject"]
        if self.em_test is not None:
            lines.append(f"EM-test of 1 component against 2: statistic "
                         f"{self.em_test.statistic:.3f}, p-value {self.em_test.p_value:.4g}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The tests as plain data."""
        return {
            "covariance": self.covariance, "level": self.level, "k": self.k,
            "is_settled": self.is_settled, "n_replicates": self.n_replicates, "seed": self.seed,
            "tests": [test.to_dict() for test in self.tests],
            "em_test": None if self.em_test is None else self.em_test.to_dict(),
        }

    def __str__(self) -> str:
        return self.report()


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
