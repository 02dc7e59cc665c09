"""The page that `emix fit --report` writes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from emix.cli.output import printable, writing
from emix.cli.pictures import check_matplotlib
from emix.errors import ParameterError

if TYPE_CHECKING:
    from emix.certificates.certificate import Certificate
    from emix.cli.inputs import Data
    from emix.result import Fit

# A page has a certificate of one column where that takes a second or two: up to so many rows, and
# so many of the least standard deviation from one end of the data to the other.
MOST_CERTIFIED, WIDEST_CERTIFIED = 20_000, 300.0


def check_report(path: str) -> None:
    """Refuse, before a fit that may take long, what no page could be written to."""
    from emix.reporting import ENDINGS

    if not path.lower().endswith(ENDINGS):
        raise ParameterError(f"--report {path}: a report is a page of HTML; expected a name that "
                             f"ends in .html")
    check_matplotlib("a report")


def write_report(
    found: Fit, data: Data, path: str, words: list[str], threads: int | None
) -> None:
    """The page, with units beside names, the command, and a certificate where that is quick."""
    from emix import reporting

    certificate = _certificate(found, data, threads)
    warnings = tuple(map(printable, found.warnings))
    shown = dataclasses.replace(found, columns=data.titles, warnings=warnings)
    if shown.uncertainty is not None:
        errors = dataclasses.replace(shown.uncertainty, columns=data.titles)
        shown = dataclasses.replace(shown, _uncertainty=errors)
    if certificate is not None:
        certificate = dataclasses.replace(certificate, fit=shown)
    rows = dataclasses.replace(data.source, names=data.titles)
    with writing(path):
        reporting.write(path, shown, rows, certificate, words)


def _certificate(found: Fit, data: Data, threads: int | None) -> Certificate | None:
    import emix

    if data.n_features > 1 or data.source.n_rows > MOST_CERTIFIED or found.degenerate:
        return None
    reach = float(data.points.max()) - float(data.points.min())
    if not reach <= WIDEST_CERTIFIED * float(found.mixture.sds.min()):
        return None
    return emix.certify(data.source, found, threads=threads)
