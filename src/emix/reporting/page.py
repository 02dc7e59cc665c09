"""One page of HTML on a fit, which needs nothing from outside and reads on any screen and paper."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import TYPE_CHECKING

from emix import plots
from emix.errors import ParameterError
from emix.names import listed
from emix.plots.style import counted
from emix.reporting import pictures, reproduce, tables, words
from emix.reporting.markup import Markup, element
from emix.version import __version__
from emix.wholefile import write_whole

if TYPE_CHECKING:
    from emix.certificates.certificate import Certificate
    from emix.result import Fit
    from emix.sources.array import ArraySource

ENDINGS = (".html", ".htm")
# Cluster analysis by K-Means stands beside a mixture of one column up to so many rows.
MOST_COMPARED = 100_000


def write(
    path: str | os.PathLike[str], fit: Fit, rows: ArraySource | None = None,
    certificate: Certificate | None = None, command: Sequence[str] | None = None,
) -> str:
    """Write a page, whole or not at all, and say where; see `page`.

    Raises `ParameterError` for a path that does not end as a page does, which might be that of
    data, `WriteError` where it cannot be written, `MissingExtraError` without matplotlib.
    """
    name = os.fspath(path)
    if not name.lower().endswith(ENDINGS):
        raise ParameterError(f"path={name!r}: a report is a page of HTML, and its name ends in "
                             f".html; the data goes in x=")
    write_whole(name, page(fit, rows, certificate, command))
    return name


def page(
    fit: Fit, rows: ArraySource | None = None, certificate: Certificate | None = None,
    command: Sequence[str] | None = None,
) -> str:
    """The page. Without `rows`, the data of the fit, it has no pictures of them; `command` is what
    was typed, where the fit came of that."""
    heading = words.title(fit)
    style = resources.files("emix.reporting").joinpath("page.css").read_text("utf-8")
    head = element(
        "head", element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"emix {__version__}"),
        element("title", heading), element("style", Markup(style)))
    sections = [section for section in _sections(fit, rows, certificate, command) if section]
    body = element("body", _header(fit, heading), element("main", *sections),
                   element("footer", f"Made by emix {__version__}, Gaussian mixtures by "
                                     f"Expectation-Maximization."))
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def _header(fit: Fit, heading: str) -> Markup:
    verdict = [element("li", text, class_="good" if well else "bad")
               for well, text in words.verdict(fit)]
    return element("header", element("h1", heading), element("p", fit.model.describe(),
                                                             class_="model"),
                   element("ul", *verdict, class_="verdict"))


def _sections(
    fit: Fit, rows: ArraySource | None, certificate: Certificate | None,
    command: Sequence[str] | None,
) -> Iterator[Markup]:
    yield _warnings(fit)
    yield _section("What was found", element("p", " ".join(words.lead(fit))),
                   *_data_pictures(fit, rows))
    yield _section("Components", tables.components(fit))
    yield _section("How good it is", tables.measures(fit),
                   "" if rows is None else
                   pictures.rows_of_pictures(pictures.of_goodness(fit, rows)))
    yield _section("What the search found", element("p", words.optima(fit)), tables.optima(fit),
                   pictures.rows_of_pictures(pictures.of_search(fit)))
    if certificate is not None:
        yield _certificate(certificate, rows)
    if rows is not None:
        yield _kmeans(fit, rows)
    yield _again(fit, command)
    yield _citation(fit)


def _section(heading: str, *content: object) -> Markup:
    name = heading.lower().replace(" ", "-")
    return element("section", element("h2", heading, id=name), *content, aria_labelledby=name)


def _warnings(fit: Fit) -> Markup:
    if not fit.warnings:
        return element("p", "No warnings.")
    items = [element("li", warning) for warning in fit.warnings]
    return element("section", element("h2", "Warnings", id="warnings"),
                   element("ul", *items, class_="warnings"), aria_labelledby="warnings")


def _data_pictures(fit: Fit, rows: ArraySource | None) -> list[object]:
    if rows is None:
        return [element("p", "A fit does not keep so many rows, nor does one that was stored, so "
                             "there are no pictures of the data here. Give it the data: ",
                        element("code", 'fit.report("report.html", x=x)'), ".", class_="note")]
    first, *others = pictures.of_data(fit, rows)
    return [first.figure, *(picture.figure for picture in others)]


def _certificate(certificate: Certificate, rows: ArraySource | None) -> Markup:
    picture = "" if rows is None else pictures.of_certificate(certificate, rows).figure
    return _section("How far from the best there can be",
                    *(element("p", sentence) for sentence in certificate.to_dict()["statements"]),
                    picture)


def _kmeans(fit: Fit, rows: ArraySource) -> Markup:
    """The hard assignment beside the mixture's, in one column."""
    if (fit.mixture.n_features > 1 or not 1 < fit.k <= len(set(rows.points[:100_000, 0].tolist()))
            or rows.n_rows > MOST_COMPARED or rows.sample_weight is not None):
        return Markup("")
    found = fit.compare_kmeans(rows.points)
    apart, n = len(found.disagree), rows.n_rows
    text = (f"K-Means puts each value wholly into one of {fit.k} clusters, cut at "
            f"{listed([f'{cut:.5g}' for cut in found.cuts.tolist()], str)}. It and the mixture's "
            f"most probable component differ on {counted(apart)} of "
            f"{words.plural(n, 'value')}.")
    picture = pictures.Picture(
        "kmeans", lambda ax: plots.plot_kmeans(found, ax=ax, name=fit.name), text,
        "The values as K-Means has them, each whole, and as the mixture has them, in between "
        "where it is unsure.", pictures.TALL)
    return _section("K-Means beside it", element("p", text), picture.figure)


def _again(fit: Fit, command: Sequence[str] | None) -> Markup:
    facts = [element(tag, text) for pair in reproduce.facts(fit)
             for tag, text in zip(("dt", "dd"), pair, strict=True)]
    code = f"import emix\n\n{reproduce.python_of(fit)}"
    typed = [] if command is None else [element("p", "The command that made this page:"),
                                        _code(reproduce.command_of(command), "command")]
    return _section(
        "To make it again", *typed,
        element("p", "In Python, with ", element("code", "x"), f" the data, {words.rows_of(fit)} "
                "in the same order" + (", and its sample_weight" if fit.n != int(fit.n) else "")
                + ". Settings of the search (start, n_starts, tol, max_iter) are not kept by a "
                "fit; where some were given, they are to be given again."),
        _code(code, "Python"), element("dl", *facts))


def _code(text: str, label: str) -> Markup:
    return element("pre", element("code", text), tabindex="0", role="region", aria_label=label)


def _citation(fit: Fit) -> Markup:
    items = [element("li", text, " ", element("a", f"doi:{doi}", href=f"https://doi.org/{doi}"))
             for text, doi in reproduce.cited(fit)]
    own = element("li", f"emix {__version__}: Gaussian mixtures by Expectation-Maximization.")
    return _section("To cite", element("ol", own, *items))
