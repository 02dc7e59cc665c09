"""What notebooks show: tables that are well formed, escaped, and say what the text says."""

from __future__ import annotations

import warnings
from xml.etree import ElementTree

import numpy as np
import pytest

import emix
from emix.reporting.markup import Markup, element, escaped, table, together
from emix.sources.array import ArraySource

WAITING = emix.datasets.load("faithful")["waiting"]


def words_of(text: str) -> str:
    return " ".join(" ".join(ElementTree.fromstring(text).itertext()).split())


def test_a_fit_is_a_table_of_its_components() -> None:
    fit = emix.fit(WAITING, 2)
    shown = fit._repr_html_()
    rows = [[words.text or "" for words in row] for row in ElementTree.fromstring(shown).iter("tr")]
    assert rows[0] == ["component", "weight", "x, mean ± sd"]
    assert rows[1][1:] == ["36%", "54.61 ± 5.87"] and rows[2][1:] == ["64%", "80.09 ± 5.87"]
    words = words_of(shown)
    assert "mixture of 2 normal components (V)" in words and "BIC 2096.03" in words


def test_warnings_and_names_from_outside_are_shown_as_text() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fit = emix.fit(ArraySource.of([3.0, 4.5, 4.5, 9.0], names=("<b>&",)), 3)
    assert fit.warnings
    shown = fit._repr_html_()
    assert "<b>" not in shown and "<b>&: mixture" in words_of(shown)
    assert all(" ".join(warning.split()) in words_of(shown) for warning in fit.warnings)


def test_many_columns_and_components_are_cut_and_said_to_be() -> None:
    x = np.random.default_rng(0).normal(size=(60, 9))
    words = words_of(emix.fit(x, 2, covariance="EII", n_starts=1)._repr_html_())
    assert "3 more columns not shown" in words


def test_a_selection_shows_its_best_and_the_fit() -> None:
    choice = emix.select(WAITING, range(1, 4))
    words = words_of(choice._repr_html_())
    assert "6 models by BIC" in words
    for row in choice.ranked:
        assert f"{row.bic:.2f}" in words
    assert words_of(choice.best._repr_html_()) in words


def test_a_certificate_shows_its_statements() -> None:
    certificate = emix.certify(WAITING, emix.fit(WAITING, 2, covariance="E"))
    words = words_of(certificate._repr_html_())
    assert all(statement in words for statement in certificate.to_dict()["statements"])


def test_groups_are_a_table_with_those_that_failed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fits = emix.fit_many({"a": WAITING, "b": [1.0, np.nan]}, 2)
    words = words_of(fits._repr_html_())
    assert "2 groups" in words and "b failed" in words and f"{fits['a'].bic:.2f}" in words


# Markup


def test_what_is_not_markup_is_escaped_everywhere() -> None:
    made = element("p", "<i>", Markup("<b>x</b>"), title='"<', hidden=True, lang=None)
    assert made == '<p title="&quot;&lt;" hidden>&lt;i&gt;<b>x</b></p>'
    assert together(["a", "<"], ", ") == "a, &lt;"
    assert escaped(escaped("&")) == "&amp;"


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x7f", "\x85", "\ud800", "\ufffe",
                                       "\u202e"])
def test_characters_that_pages_cannot_hold_are_written_out(character: str) -> None:
    made = escaped(f"a{character}b")
    assert character not in made and made.startswith("a\\") and made.endswith("b")
    made.encode("utf-8")


def test_tables_have_headings_for_columns_and_rows() -> None:
    root = ElementTree.fromstring(f"<p>{table('c', ['a', 'b'], [['1', 2]], 'n')}</p>")
    assert [node.attrib["scope"] for node in root.iter("th")] == ["col", "col", "row"]
    assert root[0].attrib["aria-label"] == "c" and root[0].attrib["tabindex"] == "0"
