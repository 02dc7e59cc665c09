"""A run of EM: its rows, its setting, the steps so far, and where among them it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emix.errors import EmixError, ParameterError
from emix.fitting import steps
from emix.model import Model
from emix.narrate import is_still
from emix.searching.drawing import drawn

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.studio.opening import Rows

# What a run keeps at most; Play stops there.
MOST_STEPS = 10_000


@dataclass(frozen=True, eq=False)
class Setting:
    """What is fitted: k components of a structure, held values, and the kind of start.

    Held values are those of `emix.fit`, NaN where learned: weights (k,), means (k, d), and in one
    column sds (k,), in more covariances (k, d, d); None where all are learned.
    """

    k: int = 2
    covariance: str = "full"
    weights: Floats | None = None
    means: Floats | None = None
    sds: Floats | None = None
    covariances: Floats | None = None
    kind: str = "quantiles"
    seed: int = 0

    def arguments(self) -> dict[str, Any]:
        """As `emix.fit` and `emix.steps` take them, without those that say nothing."""
        means = self.means
        if means is not None and means.shape[1] == 1:
            means = means[:, 0]
        held = {"weights": self.weights, "means": means, "sds": self.sds,
                "covariances": self.covariances}
        return {"covariance": self.covariance,
                **{name: value for name, value in held.items() if value is not None}}

    def model(self, d: int) -> Model:
        """Raises `ParameterError` for what has no meaning."""
        return Model.parse(self.k, d, self.covariance, self.weights, self.means, self.sds,
                           self.covariances, None)


@dataclass(frozen=True, eq=False)
class Begun:
    """How the start of a run came about: "drawn" by its kind and seed, "placed" by hand, or
    "found": one of the optima of a fit, which itself began at `origin`, or searched for None."""

    how: str
    optimum: int = 0
    origin: Mixture | None = None


class Run:
    """EM from one start: `history[at]` is where it stands, `seen` whether its E-step is shown.

    Making one takes the first step, so that what cannot be fitted shows there.
    """

    def __init__(self, rows: Rows, setting: Setting, start: Mixture, begun: Begun) -> None:
        self.rows, self.setting, self.start, self.begun = rows, setting, start, begun
        self.model = setting.model(rows.d)
        self._steps = _Steps(steps(rows.source, start, **setting.arguments()))
        self.history: list[Step] = [next(self._steps)]
        self.at, self.seen = 0, begun.how == "found"
        self._been: list[tuple[int, bool]] = []

    @classmethod
    def drawn(cls, rows: Rows, setting: Setting) -> Run:
        """A run from a start of the setting's kind and seed."""
        start = drawn(rows.source, rows.names, setting.model(rows.d), setting.kind, setting.seed)
        return cls(rows, setting, start, Begun("drawn"))

    @property
    def step(self) -> Step:
        return self.history[self.at]

    @property
    def mixture(self) -> Mixture:
        return self.step.mixture

    @property
    def is_untouched(self) -> bool:
        """Whether this is a drawn start that nobody has moved on or away from."""
        return self.at == 0 and self.begun.how == "drawn"

    @property
    def believed(self) -> Step | None:
        """The step whose responsibilities are shown: the last E-step; None before the first."""
        if self.seen:
            return self.step
        return self.history[self.at - 1] if self.at else None

    @property
    def is_still(self) -> bool:
        """Whether the last iteration moved nothing by more than a millionth."""
        return self.at > 0 and self.seen and is_still(self.history[self.at - 1], self.step)

    @property
    def can_go_back(self) -> bool:
        return bool(self._been)

    def expect(self) -> None:
        """The E-step: show what each point is believed to belong to."""
        if self.seen:
            raise ParameterError("the E-step is done; the M-step is next")
        self._go(self.at, True)

    def maximise(self) -> None:
        """The M-step: move the components to where the shares call for."""
        if not self.seen:
            raise ParameterError("the M-step needs the shares of an E-step; that is next")
        self._go(self.at + 1, False)

    def iterate(self, count: int = 1) -> None:
        """So many iterations, M-step and the E-step after it; fewer once nothing moves."""
        for _ in range(count):
            self._go(self.at + 1, True)
            if self.is_still:
                break

    def back(self) -> None:
        """Undo what was done last."""
        if self._been:
            self.at, self.seen = self._been.pop()

    def reset(self) -> None:
        """Back to the start."""
        self.at, self.seen, self._been = 0, self.begun.how == "found", []

    def _go(self, at: int, seen: bool) -> None:
        if at > MOST_STEPS:
            raise ParameterError(f"the studio keeps {MOST_STEPS} steps; the command under Export "
                                 f"goes on from there")
        while len(self.history) <= at:
            self.history.append(next(self._steps))
        self._been.append((self.at, self.seen))
        self.at, self.seen = at, seen


class _Steps:
    """EM's steps; what ended them is said again when more are asked for, where a generator that
    has raised would only be over."""

    def __init__(self, coming: Iterator[Step]) -> None:
        self._coming = coming
        self._failure: EmixError | None = None

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        if self._failure is not None:
            raise self._failure
        try:
            return next(self._coming)
        except EmixError as reason:
            self._failure = reason
            raise
