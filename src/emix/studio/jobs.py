"""What may last: the search of many starts, the choice of k, a certificate, K-Means beside.

Each is a call of emix's own, told of its progress, and gives plain data for the page.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import emix
from emix.comparison import compare_kmeans
from emix.errors import DegenerateWarning, NotConvergedWarning, ParameterError
from emix.searching.drawing import drawn
from emix.studio.session import Found

if TYPE_CHECKING:
    from emix.mixture import Mixture
    from emix.result import Fit
    from emix.studio.run import Run
    from emix.studio.session import Session

Tell = Callable[[dict[str, Any]], None]

# Filters of warnings belong to the whole process, so one job at a time changes them.
_ONE_AT_A_TIME = threading.Lock()
# Rows up to which K-Means is compared anew at each step.
LIVE_ROWS = 20_000


@contextmanager
def _quietly() -> Iterator[None]:
    """What a fit warns of is in the fit, and shown with it."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        for category in (NotConvergedWarning, DegenerateWarning):
            warnings.simplefilter("ignore", category)
        yield


def search(session: Session, tell: Tell) -> dict[str, Any]:
    """Many starts, and the distinct optima they found."""
    fit = _fitted(session, tell, None)
    return {"fit": plain(fit)}


def finish(session: Session, tell: Tell) -> dict[str, Any]:
    """From the start of the run to the top, by `emix.fit`, which accelerates EM."""
    fit = _fitted(session, tell, session.run.start)
    return {"fit": plain(fit)}


def _fitted(session: Session, tell: Tell, start: Mixture | None) -> Fit:
    rows, setting = session.run.rows, session.run.setting

    def progress(told: Any) -> None:
        tell({"words": f"climb {told.run} of {told.n_runs}, step {told.iteration}, gradient "
                       f"{told.gradient:.1e}"})

    with _quietly():
        fit = emix.fit(rows.source, setting.k, start=start, seed=setting.seed, progress=progress,
                       **setting.arguments())
    if not session.keep(Found(fit, rows, setting, start)):
        raise ParameterError("other columns were chosen meanwhile; run it again")
    return fit


def plain(fit: Fit) -> dict[str, Any]:
    """A fit for the page."""
    return {
        "words": fit.model.describe(), "loglik": fit.loglik, "df": fit.df, "bic": fit.bic,
        "icl": fit.icl, "aic": fit.aic, "outcome": fit.outcome.prose, "steps": fit.n_iter,
        "warnings": list(fit.warnings),
        "optima": [{
            "loglik": optimum.loglik, "starts": optimum.starts,
            "weights": optimum.mixture.weights.tolist(), "means": optimum.mixture.means.tolist(),
            "degenerate": [f"component {d.component + 1}: {d.reason}"
                           for d in optimum.degenerate],
        } for optimum in fit.optima],
    }


def select(session: Session, tell: Tell, most: int, every_structure: bool) -> dict[str, Any]:
    """k from 1 to `most`, in the structure of the session or in all."""
    rows, structure = session.run.rows, session.run.model.structure.name

    def progress(told: Any) -> None:
        tell({"words": f"{told.stage}: {told.covariance}, k = {told.k}",
              "share": told.done / max(told.total, 1)})

    with _quietly():
        found = emix.select(rows.source, range(1, most + 1), progress=progress,
                            covariances="all" if every_structure else [structure],
                            seed=session.run.setting.seed)
    table = [{"covariance": row.covariance, "k": row.k, "df": row.df,
              "loglik": row.loglik, "bic": row.bic, "icl": row.icl,
              "best": (row.covariance, row.k) == (found.best.covariance, found.best.k),
              "failure": row.failure} for row in found.table]
    return {"table": table, "complete": found.is_complete,
            "best": {"covariance": found.best.covariance, "k": found.best.k}}


def certify(session: Session, tell: Tell) -> dict[str, Any]:
    """How far the fit of this setting is from the best there can be; one is made where none is."""
    rows, kept = session.run.rows, session.found
    fresh = kept is None or kept.setting is not session.run.setting
    fit = _fitted(session, tell, None) if kept is None or fresh else kept.fit
    tell({"words": "bounding what any mixture could reach"})
    found = emix.certify(rows.source, fit)
    return {"report": found.report(), "gap": found.gap, "bound": found.bound,
            "loglik": found.loglik, "fit": plain(fit)}


def kmeans(run: Run) -> dict[str, Any]:
    """K-Means beside the mixture: exact in one column, else Lloyd's from the seed."""
    rows, mixture = run.rows, run.mixture
    if rows.d > 1:
        hard = drawn(rows.source, rows.names, run.model, "kmeans", run.setting.seed)
        return {"centres": hard.means.tolist(), "cuts": [], "sds": None,
                "shares": hard.weights.tolist(), "order": list(range(run.setting.k)),
                "live": False, "words": "Lloyd's algorithm from k-means++ seeds, in columns of "
                "equal spread: each row whole to the nearest centre."}
    found = compare_kmeans(mixture, rows.source.points)
    apart = len(found.disagree)
    surest = "" if not apart else (f" Of one the mixture is "
                                   f"{100 * found.sureness[found.disagree].max():.0f}% sure that "
                                   f"it belongs elsewhere.")
    return {
        "centres": found.centres[:, None].tolist(), "cuts": found.cuts.tolist(),
        "sds": found.sds.tolist(), "shares": (found.counts / rows.n).tolist(),
        "order": mixture.canonical_order().tolist(), "live": rows.n <= LIVE_ROWS,
        "words": (f"They disagree on {apart} of {rows.n} points." if apart else
                  f"They agree on every point; of {int((found.sureness < 0.9).sum())} of them the "
                  f"mixture is less than 90% sure, which K-Means cannot say.") + surest,
    }
