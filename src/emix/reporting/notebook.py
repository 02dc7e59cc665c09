"""What notebooks show of fits and selections: small tables, without style of their own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from emix.names import listed
from emix.plots.style import fixed
from emix.reporting import tables
from emix.reporting.markup import Markup, element, together

if TYPE_CHECKING:
    from emix.certificates.certificate import Certificate
    from emix.many.fits import Fits
    from emix.result import Fit
    from emix.selection.choice import Selection

MOST_COLUMNS, MOST_ROWS, MOST_GROUPS = 6, 10, 10


def of_fit(fit: Fit) -> str:
    """The model, its components, how good it is, and warnings."""
    shown = fit.columns[:MOST_COLUMNS]
    head = ["component", "weight", *(f"{name}, mean ± sd" for name in shown)]
    more = []
    if len(fit.columns) > len(shown):
        more.append(f"{len(fit.columns) - len(shown)} more columns")
    if fit.k > tables.MOST_COMPONENTS:
        more.append(f"{fit.k - tables.MOST_COMPONENTS} more components")
    measures = (f"log-likelihood {fixed(fit.loglik, 4)} · n {fit.n:g} · df {fit.df} · "
                f"BIC {fixed(fit.bic, 2)} · ICL {fixed(fit.icl, 2)} · {fit.outcome.value}")
    return _block(
        _line(f"{listed(fit.columns, str)}: {fit.model.describe()}", strong=True),
        _table(head, tables.means_of(fit, MOST_COLUMNS)),
        _line(" and ".join(more) + " not shown") if more else "",
        _line(measures), _warnings(fit.warnings))


def of_selection(selection: Selection) -> str:
    """The best rows, and the fit of the first."""
    rows = []
    least = selection.ranked[0].value(selection.criterion)
    for rank, row in enumerate(selection.ranked[:MOST_ROWS], start=1):
        value = row.value(selection.criterion)
        rows.append([str(rank), row.covariance, str(row.k), fixed(value, 2),
                     fixed(value - least, 2), fixed(row.loglik, 4), str(row.df)])
    more = len(selection.ranked) - MOST_ROWS
    stopped = "" if selection.is_complete else " (stopped early)"
    name = {"heldout": "held-out deviance"}.get(selection.criterion, selection.criterion.upper())
    return _block(
        _line(f"{listed(selection.columns, str)}: {len(selection.table)} models by "
              f"{name}, smaller is better{stopped}", strong=True),
        _table(["", "model", "k", name, "above best", "log-likelihood", "df"], rows),
        _line(f"and {more} more") if more > 0 else "", Markup(of_fit(selection.best)))


def of_certificate(certificate: Certificate) -> str:
    """What is certain, in sentences."""
    return _block(*(_line(sentence) for sentence in certificate.to_dict()["statements"]))


def of_fits(fits: Fits) -> str:
    """The first groups, and how many failed."""
    rows: list[Sequence[object]] = []
    for i, name in enumerate(fits.names[:MOST_GROUPS]):
        if math.isfinite(float(fits.n[i])):
            rows.append([str(name), f"{float(fits.n[i]):g}", fixed(float(fits.loglik[i]), 4),
                         fixed(float(fits.bic[i]), 2),
                         "converged" if fits.converged[i] else "not converged"])
        else:
            rows.append([str(name), "", "", "", "failed"])
    more = len(fits.names) - len(rows)
    return _block(
        _line(f"{len(fits.names)} groups: {fits.model.describe()}", strong=True),
        _table(["group", "n", "log-likelihood", "BIC", ""], rows),
        _line(f"and {more} more") if more > 0 else "", _warnings(fits.warnings))


def _block(*parts: object) -> str:
    return element("div", *parts)


def _line(text: str, strong: bool = False) -> Markup:
    return element("p", element("strong", text) if strong else text)


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markup:
    titles = element("tr", *(element("th", cell, scope="col") for cell in head))
    body = (element("tr", element("th", first, scope="row"),
                    *(element("td", cell) for cell in rest)) for first, *rest in rows)
    return element("table", element("thead", titles), element("tbody", *body))


def _warnings(warnings: Sequence[str]) -> Markup:
    return together(element("p", f"Warning: {warning}") for warning in warnings)
