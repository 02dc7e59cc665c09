"""What a kernel computes. Everything that touches data does it through these verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from emix.arrays import Block, Floats, Labels, Points, Units
    from emix.covariance import Covariances, ScatterForm
    from emix.statistics import Statistics
    from emix.vicinity import Leads, Places, Surveyed, Vicinity


class Components(Protocol):
    """The parameters of a mixture, as far as a kernel needs them."""

    @property
    def weights(self) -> Floats: ...

    @property
    def means(self) -> Floats: ...

    @property
    def covariance(self) -> Covariances: ...


class Kernel(Protocol):
    """One implementation of the E-step.

    With `units`, rows are taken to internal units on the way in and the components are in
    internal units too; without, rows and components are in the same units. The result does not
    depend on `threads`, not by a bit.
    """

    @property
    def name(self) -> str: ...

    def expect(
        self, components: Components, block: Block, form: ScatterForm,
        units: Units | None = None, threads: int = 1,
    ) -> Statistics:
        """E-step and its statistics in one pass, with no n × k array."""
        ...

    def log_density(self, components: Components, points: Points, threads: int = 1) -> Floats:
        """log f(x), shape (n,)."""
        ...

    def responsibilities(self, components: Components, points: Points, threads: int = 1) -> Floats:
        """P(component k | x), shape (n, k); rows are finite and sum to 1 however far x lies."""
        ...

    def labels(self, components: Components, points: Points, threads: int = 1) -> Labels:
        """The most probable component of each row, shape (n,)."""
        ...

    def classification(
        self, components: Components, block: Block, threads: int = 1
    ) -> tuple[float, float]:
        """Σ w log max_k r and Σ w Σ_k r log r: how sure the classification is, in nats ≤ 0."""
        ...

    def expect_near(
        self, components: Components, block: Block, form: ScatterForm, vicinity: Vicinity,
        units: Units | None = None, threads: int = 1,
    ) -> tuple[Statistics, Leads, Floats]:
        """As `expect`, of each row scoring only the components in the list that it belongs to.

        Also: which of them leads at each row, (n,); and Σ w r of each entry of `vicinity.near`
        over the rows of its list. The log-likelihood lacks what the others would bring.
        """
        ...

    def survey(
        self, components: Components, block: Block, rows: Places, least: float,
        vicinity: Vicinity | None = None, units: Units | None = None, threads: int = 1,
    ) -> Surveyed:
        """Some rows against all components: every responsibility above `least`, row by row; with
        lists, of the components outside the row's."""
        ...

    def seeds(
        self, points: Floats, weight: Floats, uniforms: Floats, threads: int = 1
    ) -> Places:
        """k-means++: one row of points (n, d) for each uniform number, (k,)."""
        ...
