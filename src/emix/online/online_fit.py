"""OnlineFit: a mixture that is learned from a stream, batch by batch."""

from __future__ import annotations

import warnings
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import as_seed, is_whole
from emix.errors import DataError, DegenerateWarning, ParameterError
from emix.kernels import threads_of
from emix.making import degenerate_notes
from emix.mixture import Mixture
from emix.model import Model
from emix.moments import moments_of
from emix.online.first_rows import FirstRows
from emix.online.schedule import Decay
from emix.online.stream import Stream, Update
from emix.online.watching import thin_components
from emix.sources.array import ArraySource
from emix.sources.opening import open_source, rows_like

if TYPE_CHECKING:
    from emix.online.schedule import Schedule
    from emix.soundness.degenerate import Degenerate

# Rows over which the log-likelihood of late is taken.
WINDOW = 10_000.0


class OnlineFit:
    """A mixture of k normal components that is learned from a stream of unknown length.

    The first rows are gathered until they are enough for the search of `emix.fit`; from there on
    each batch is looked at once: its E-step's statistics are mixed into a running average at the
    rate that the schedule gives, and the M-step of that average is the next mixture. All
    structures, held values and priors of `emix.fit` are learned so.

    Parameters
    ----------
    k, covariance, weights, means, sds, covariances, prior, seed, threads : as in `emix.fit`
    schedule : a rate for each batch: `Decay(exponent, delay)`, the default, comes to rest;
        `Constant(gamma)` and `Memory(rows)` forget, and follow a stream that drifts
    start : a Mixture to go on from, instead of a first search
    start_rows : how many rows that is worth: as if so many had been seen that are just as it has
        them; 0 takes its place only until the first batch
    first_rows : how many rows are gathered for the search (20 for each parameter, from 500 to
        16384)
    averaged : whether `mixture` is that of an average over steps (Polyak & Juditsky 1992), which is
        less noisy; by default as the schedule has it, `Decay` below an exponent of 1

    Components keep the order that they begin in, that of means, or the start's. `ParameterError`
    for what has no meaning.

    >>> import emix
    >>> rows, _ = emix.Mixture.univariate([0.4, 0.6], [0.0, 5.0], [1.0, 1.0]).sample(3000)
    >>> online = OnlineFit(2, schedule=Decay(exponent=0.6))
    >>> for batch in rows.reshape(30, 100):
    ...     update = online.update(batch)
    >>> online.mixture.means[:, 0].round(1).tolist(), update.rows, round(update.rate, 3)
    ([0.1, 5.0], 100.0, 0.125)
    """

    def __init__(
        self,
        k: int,
        *,
        covariance: str = "full",
        weights: object = None,
        means: object = None,
        sds: object = None,
        covariances: object = None,
        prior: object = None,
        schedule: Schedule | None = None,
        start: Mixture | None = None,
        start_rows: float = 0.0,
        first_rows: int | None = None,
        averaged: bool | None = None,
        seed: int | np.random.Generator = 0,
        threads: int | None = None,
    ) -> None:
        self.schedule: Schedule = Decay() if schedule is None else schedule
        if not all(hasattr(self.schedule, verb) for verb in ("rate", "averages")):
            raise ParameterError(f"schedule={schedule!r}; expected Decay(), Constant(...), "
                                 f"Memory(...), or what else has a rate for each batch")
        if not isinstance(start_rows, int | float | np.number) or not 0 <= start_rows < np.inf:
            raise ParameterError(f"start_rows={start_rows!r}; expected a number of rows, 0 or more")
        if first_rows is not None and not is_whole(first_rows, 1):
            raise ParameterError(f"first_rows={first_rows!r}; expected a number of rows, 1 or more")
        if start is not None and not isinstance(start, Mixture):
            raise ParameterError(f"start={start!r}; expected a Mixture")
        self._asked = (k, covariance, weights, means, sds, covariances, prior)
        self._start, self._start_rows = start, float(start_rows)
        self._enough = None if first_rows is None else int(first_rows)
        self._is_averaged = self.schedule.averages if averaged is None else bool(averaged)
        self._seed, self._threads = as_seed(seed), threads_of(threads)
        self._names: tuple[str, ...] = ()
        self._first: FirstRows | None = None
        self._stream: Stream | None = None
        self._recent: deque[tuple[float, float]] = deque()
        self._told: set[int] = set()

    # What it says

    @property
    def is_begun(self) -> bool:
        """Whether first rows have been searched, so that each batch is learned as it comes."""
        return self._stream is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, (d,), once there are rows."""
        return self._names

    @property
    def seen(self) -> float:
        """Σ w over all rows so far, those that a start was worth among them."""
        if self._stream is not None:
            return self._stream.running.seen
        return 0.0 if self._first is None else self._first.weight

    @property
    def rows(self) -> float:
        """How many equal rows the running average is worth (Kish 1965): what the past is still
        remembered as."""
        return self.seen if self._stream is None else self._stream.running.rows

    @property
    def mixture(self) -> Mixture:
        """The mixture as it is now learned, in the units of the data; while first rows are
        gathered the fit of those.

        Raises `DataError` as `emix.fit` does where they are too few yet.
        """
        if self._stream is None:
            return self._gathered.fit().mixture
        return self._stream.mixture(self._is_averaged)

    @property
    def recent_loglik(self) -> float | None:
        """Mean log-likelihood (nats per row) of the last 10,000 rows or so, each batch under the
        mixture as it was before that batch; None before there is one."""
        if not self._recent:
            return None
        return sum(loglik for loglik, _ in self._recent) / sum(total for _, total in self._recent)

    @property
    def degenerate(self) -> tuple[Degenerate, ...]:
        """Components that should not be trusted as they are now, with the reason."""
        if self._stream is None:
            return self._gathered.fit().degenerate
        return thin_components(self._stream.running, self._stream.within)

    @property
    def _gathered(self) -> FirstRows:
        if self._first is None:
            raise DataError("no rows have been seen yet; give some to update first")
        return self._first

    def __repr__(self) -> str:
        k, covariance = self._asked[:2]
        recent = self.recent_loglik
        late = "" if recent is None else f" loglik={recent:.4f} per row of late"
        return f"<OnlineFit k={k} {covariance} {self.seen:g} rows seen{late}>"

    # What it does

    def update(self, x: object, sample_weight: object = None) -> Update:
        """Learn a batch of rows (n, d) or (n,): whatever `emix.fit` takes; columns go by name.

        A batch without weight changes nothing. Warns `DegenerateWarning` once of each component
        that no longer has the rows to be learned from. Raises `DataError` for rows that cannot be
        used, `NumericalError` where the step leaves the range of numbers; either way what was
        learned before stays as it was.
        """
        batch = self._opened(x, sample_weight)
        if batch.sample_weight is not None and not np.any(batch.sample_weight):
            return Update(0.0)
        total = moments_of(batch, self._threads).weight
        if not self._names:
            self._begin(batch.column_names)
        if self._stream is None:
            self._gathered.add(batch)
            if self._gathered.are_enough:
                fit = self._gathered.fit(is_last=True)
                self._stream = Stream.after_fit(fit, self._gathered.source, self._threads)
                self._first = None
                self._tell(fit.degenerate)
            return Update(total)
        self._stream, update = self._stream.after(
            batch, total, self.schedule, self._is_averaged, self._threads
        )
        assert update.loglik is not None
        self._recent.append((update.loglik * total, total))
        while sum(rows for _, rows in self._recent) - self._recent[0][1] >= WINDOW:
            self._recent.popleft()
        self._tell(self.degenerate)
        return update

    def _begin(self, names: tuple[str, ...]) -> None:
        model = Model.parse(self._asked[0], len(names), *self._asked[1:])
        if self._start is None:
            self._first = FirstRows(model, names, self._enough, self._seed, self._threads)
        else:
            self._stream = Stream.from_mixture(self._start, model, self._start_rows)
        self._names = names

    def _opened(self, x: object, sample_weight: object) -> ArraySource:
        """A batch as a source of the columns that the first had, where there was one."""
        if not self._names:
            return open_source(x, sample_weight)[0]
        if isinstance(sample_weight, str):
            return open_source(x, sample_weight, list(self._names))[0]
        if isinstance(x, ArraySource) and sample_weight is None:
            sample_weight = x.sample_weight
        batch = ArraySource.of(rows_like(x, self._names), sample_weight, self._names)
        if batch.n_features != len(self._names):
            raise DataError(f"the batch has {batch.n_features} columns; expected "
                            f"{len(self._names)}, as the first had")
        return batch

    def _tell(self, degenerate: tuple[Degenerate, ...]) -> None:
        """Warn of components that have become degenerate; of one that recovers, again later."""
        now = {each.component for each in degenerate}
        new = tuple(each for each in degenerate if each.component not in self._told)
        self._told = now
        if new:
            warnings.warn("; ".join(degenerate_notes(new)), DegenerateWarning, stacklevel=3)
