"""fit_many: thousands of small problems in one call, each as if it were alone."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import as_seed
from emix.climbing.climb import NATIVE_OUTCOMES, Outcome
from emix.crew import share_out
from emix.errors import EmixError, GroupsWarning, NotFittedError, ParameterError
from emix.fitting import neglect_of, start_of, stop_of
from emix.kernels import NATIVE, threads_of
from emix.making import Search, fit_source
from emix.many.fits import OUTCOMES, Bests, Fits
from emix.model import Model
from emix.searching import direct
from emix.soundness.degenerate import LEAST_WORTH
from emix.sources.grouping import open_groups

if TYPE_CHECKING:
    from emix.result import Fit
    from emix.searching.direct import Best
    from emix.sources.grouping import Groups

# Rows, and groups, that go to the kernel at a time: some milliseconds, after which progress is
# told and Ctrl-C heard.
ROWS_AT_A_TIME = 1 << 17
GROUPS_AT_A_TIME = 1 << 10
# Shares that groups are dealt out in where each is fitted from Python.
SHARES = 256


@dataclass(frozen=True, slots=True)
class GroupsProgress:
    """What a progress callback of `fit_many` is told: how many groups are done, of how many."""

    done: int
    n_groups: int


def fit_many(
    groups: object,
    k: int,
    *,
    by: object = None,
    columns: object = None,
    covariance: str = "full",
    weights: object = None,
    means: object = None,
    sds: object = None,
    covariances: object = None,
    prior: object = None,
    sample_weight: object = None,
    start: object = None,
    n_starts: int | None = None,
    seed: int | np.random.Generator = 0,
    tol: float | None = None,
    max_iter: int | None = None,
    neglect: float | None = None,
    threads: int | None = None,
    progress: Callable[[GroupsProgress], None] | None = None,
) -> Fits:
    """Fit a mixture of k normal components to each of many groups, in one call.

    Every group gets what `emix.fit` finds for it alone, to the bit and whatever `threads`. Groups
    of one column are shared out among the kernel's threads without coming back to Python: ten
    thousand of a few hundred rows take a fraction of a second.

    Parameters
    ----------
    groups : the groups, as one of

        - a mapping from names to data, each as `fit` takes it: {"BRCA1": array, ...}
        - a sequence of such data; the groups are called 0, 1, ...
        - an array (g, n): each row is a group of n values in one column (genes × samples, pixels ×
          days); or (g, n, d): each a table of n rows. Groups are called 0, 1, ...
        - with `by`, rows of all groups: a data frame, a CSV file, an array (n,) or (n, d)
    by : what tells groups apart: the name of a column of the frame or file, or a list of names
        (groups are then called by tuples); or a label for each row (n,). Groups are in the order
        in which they first appear
    columns : which columns to fit; with `by`, all others unless given
    sample_weight : as the groups are given: a mapping or sequence of weights (n,), an array
        (g, n), the name of a column, or with `by` weights (n,)
    start : a Mixture to start from, or a kind of start; see `fit`
    progress : called with a `GroupsProgress` now and then
    covariance, weights, means, sds, covariances, prior : as in `fit`, the same for every group
    n_starts, seed, tol, max_iter, neglect, threads : likewise

    Returns
    -------
    Fits, a mapping from names to each group's `Fit`, with `.table()`: a data frame in, the same
    kind of data frame out. A group that cannot be fitted (constant, too few values, missing ones)
    is named in `.failures` with its error and stops no other. Ctrl-C returns what is done, and
    names the rest there.

    Raises
    ------
    DataError : the groups cannot be told apart or read at all
    ParameterError : an argument, or a combination, has no meaning
    Warns `GroupsWarning`, once, naming groups that failed, did not converge or are degenerate.

    >>> import emix
    >>> waiting = emix.datasets.load("faithful")["waiting"]
    >>> fits = emix.fit_many({"all": waiting, "some": waiting[:100]}, 2)
    >>> fits["all"] == fits["all"], fits.means[:, :, 0].round(1).tolist()
    (True, [[54.6, 80.1], [56.3, 79.6]])
    """
    opened = open_groups(groups, by, columns, sample_weight)
    model = Model.parse(k, opened.points.shape[1], covariance, weights, means, sds, covariances,
                        prior)
    begin = start_of(start)
    if isinstance(begin, np.ndarray):
        raise ParameterError("start is an array of labels, which divide the rows of one group; "
                             "expected a Mixture or the name of a kind of start")
    d = model.n_features
    how = Search(
        begin, n_starts, as_seed(seed), stop_of(tol, max_iter, model.n_components, d),
        threads_of(threads), neglect=neglect_of(neglect, model.n_components, d),
    )
    if how.has_plan:
        how.plan(d)
    fits = _Work(opened, model, how, progress).done()
    if fits.warnings:
        warnings.warn("; ".join(fits.warnings), GroupsWarning, stacklevel=2)
    return fits


class _Work:
    """Groups to fit, and what is known of them so far."""

    def __init__(
        self, groups: Groups, model: Model, how: Search,
        progress: Callable[[GroupsProgress], None] | None,
    ) -> None:
        self.groups, self.model, self.how = groups, model, how
        self.progress = progress
        self.bests = Bests.nothing(len(groups), model.n_components, model.n_features)
        self.failures: dict[int, EmixError] = dict(groups.refused)
        self.made: dict[int, Fit] = {}
        self.over = threading.Event()

    def done(self) -> Fits:
        natively = self.how.has_plan and direct.serves_model(self.model)
        # Ctrl-C: what is done is returned.
        with suppress(KeyboardInterrupt):
            self._natively() if natively else self._one_by_one()
        for i in np.flatnonzero(self.bests.outcomes < 0).tolist():
            if i not in self.failures:
                self.failures[i] = NotFittedError(
                    f"group {self.groups.names[i]!r} was not fitted: interrupted before its turn")
        made = self.made
        one = self._again if natively else made.__getitem__
        return Fits(self.groups.names, self.groups.keys, self.groups.columns, self.model,
                    self.bests, self.failures, one, self.groups.frame)

    def _again(self, i: int) -> Fit:
        """The whole fit of a group of which the kernel has told no more than the best."""
        if i in self.made:
            return self.made[i]
        return fit_source(self.groups.source(i), self.groups.columns, self.model, self.how)

    # One column, by the kernel

    def _natively(self) -> None:
        begins = self.groups.begins
        points = self.groups.points[:, 0]
        plan, first = self.how.plan(1), 0
        while first < len(self.groups):
            end = int(np.searchsorted(begins, begins[first] + ROWS_AT_A_TIME, side="right")) - 1
            end = max(min(end, first + GROUPS_AT_A_TIME, len(self.groups)), first + 1)
            best = direct.fit_many_directly(
                points, self.groups.sample_weight, begins[first:end + 1], self.model, plan,
                self.how.stop, self.how.seed, self.how.threads,
            )
            self._put(first, best)
            for i in (first + np.flatnonzero(best.status == direct.LEFT_ALONE)).tolist():
                self._fit(i, self.how, is_left_alone=True)
            if (best.status == direct.NOT_REACHED).any():
                return
            first = end
            self._tell(end)

    def _put(self, first: int, best: Best) -> None:
        bests = self.bests
        fitted = first + np.flatnonzero(best.status == direct.FITTED)
        at = fitted - first
        bests.weights[fitted] = best.weights[at]
        bests.means[fitted, :, 0] = best.means[at]
        bests.spreads[fitted, :, 0] = best.sds[at]
        bests.n[fitted], bests.loglik[fitted] = best.n[at], best.loglik[at]
        bests.hard[fitted] = best.hard[at]
        bests.outcomes[fitted] = _OF_NATIVE[best.outcomes[at]]
        bests.degenerate[fitted] = best.worths[at] < LEAST_WORTH

    # Anything else, from Python

    def _one_by_one(self) -> None:
        g = len(self.groups)
        workers = 0 if NATIVE is None or self.how.threads == 1 else self.how.threads
        how = self.how if workers == 0 else replace(self.how, threads=1)
        size = max(1, -(-g // SHARES))
        shares = [range(first, min(first + size, g)) for first in range(0, g, size)]

        def work(share: range) -> None:
            for i in share:
                if not self.over.is_set():
                    self._fit(i, how)

        def told(share: range, _: int) -> None:
            self._tell(int(np.count_nonzero(self.bests.outcomes >= 0)) + len(self.failures))

        share_out(shares, lambda _: (), work, workers, told)

    def _fit(self, i: int, how: Search, is_left_alone: bool = False) -> None:
        if i in self.failures:
            return
        try:
            fit = fit_source(self.groups.source(i), self.groups.columns, self.model, how,
                             is_left_alone)
        except EmixError as reason:
            self.failures[i] = reason
            return
        if fit.outcome is Outcome.INTERRUPTED:
            self.over.set()
            raise KeyboardInterrupt
        self.made[i] = fit
        self.bests.put(i, fit)

    def _tell(self, done: int) -> None:
        if self.progress is not None:
            self.progress(GroupsProgress(done, len(self.groups)))


_OF_NATIVE = np.array([OUTCOMES.index(each) for each in NATIVE_OUTCOMES])
