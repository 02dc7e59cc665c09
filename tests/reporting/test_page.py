"""The page on a fit: well formed, whole, alone, readable without seeing, true to the fit."""

from __future__ import annotations

import pickle
import re
import warnings
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

import emix
from emix.cli import main
from emix.errors import DataError, MissingExtraError, ParameterError, WriteError
from emix.names import printable
from emix.reporting import page
from emix.sources.array import ArraySource

pytest.importorskip("matplotlib")

FAITHFUL = emix.datasets.load("faithful")
WAITING = FAITHFUL["waiting"]
BAD = "<script>alert(1)</script> & \"q\" 'a' $x_{$ \x07"
NAN = float("nan")


def fit_of(kind: str) -> emix.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return {
            "waiting": lambda: emix.fit(WAITING, 2, covariance="E"),
            "faithful": lambda: emix.fit(FAITHFUL, 2, prior="conjugate"),
            "spikes": lambda: emix.fit([3.0, 4.5, 4.5, 9.0], 3),
            "hostile": lambda: emix.fit(ArraySource.of(FAITHFUL.data[:, ::-1], names=(BAD, "e")), 2,
                                        means=[[54.5, NAN], [NAN, NAN]], weights="equal"),
            "weighted": lambda: emix.fit(WAITING, 1, sample_weight=np.linspace(0, 1.5, 272)),
        }[kind]()


@cache
def made(kind: str) -> tuple[emix.Fit, str]:
    fit = fit_of(kind)
    certificate = emix.certify(WAITING, fit) if kind == "waiting" else None
    return fit, page(fit, fit._rows_of(None), certificate, ["fit", "x y", "-k", "2"])


KINDS = ["waiting", "faithful", "spikes", "hostile", "weighted"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def tree(text: str) -> ElementTree.Element:
    """A page as XML, of which it breaks no rule but that void elements are not closed: every
    element is closed in its turn, every attribute quoted, every special character escaped."""
    head, rest = text.split("\n", 1)
    assert head == "<!DOCTYPE html>"
    return ElementTree.fromstring(re.sub(r"<(meta|br|hr)\b([^>]*)>", r"<\1\2/>", rest))


def words_of(node: ElementTree.Element) -> str:
    return " ".join("".join(node.itertext()).split())


def test_a_page_is_well_formed(kind: str) -> None:
    root = tree(made(kind)[1])
    assert root.tag == "html" and root.attrib["lang"] == "en"
    assert [child.tag for child in root] == ["head", "body"]
    names = [node.attrib["id"] for node in root.iter() if "id" in node.attrib]
    assert len(names) == len(set(names))
    for node in root.iter():
        for key, value in node.attrib.items():
            for used in re.findall(r"url\(#([^)]+)\)", value) + (
                    [value[1:]] if key == "href" and value[0] == "#" else []):
                assert used in names, used
        assert node.attrib.get("aria-labelledby", names[0]) in names


def test_html5_finds_no_error_in_a_page(kind: str) -> None:
    html5lib = pytest.importorskip("html5lib", reason="the strict parser of HTML is not installed")
    html5lib.HTMLParser(strict=True).parse(made(kind)[1])


def test_a_page_asks_for_nothing_from_outside(kind: str) -> None:
    root = tree(made(kind)[1])
    tags = {node.tag for node in root.iter()}
    assert tags.isdisjoint({"script", "link", "iframe", "object", "embed", "base", "form", "img"})
    for node in root.iter():
        assert not any(key.startswith("on") for key in node.attrib)
        for key in ("src", "href", "data"):
            value = node.attrib.get(key, "#")
            is_link = node.tag == "a" and value.startswith("https://doi.org/")
            assert value.startswith(("#", "data:image/png")) or is_link, value
    style = "".join(node.text or "" for node in root.iter("style"))
    assert "url(" not in style and "@import" not in style and "@font-face" not in style
    assert "prefers-color-scheme: dark" in style and "@media print" in style


def test_a_page_reads_without_being_seen(kind: str) -> None:
    root = tree(made(kind)[1])
    headings = [node.tag for node in root.iter() if re.fullmatch(r"h\d", node.tag)]
    assert headings[0] == "h1" and set(headings[1:]) == {"h2"}
    assert all(words_of(node) for node in root.iter() if node.tag in ("h1", "h2", "caption"))
    for table in root.iter("table"):
        head, body = table.find("thead"), table.find("tbody")
        assert table.find("caption") is not None and head is not None and body is not None
        width = len(head[0])
        assert all(cell.tag == "th" and cell.attrib["scope"] == "col" for cell in head[0])
        for row in body:
            assert len(row) == width and row[0].attrib.get("scope") == "row"
    pictures = list(root.iter("svg"))
    assert pictures
    for picture in pictures:
        assert picture.attrib["role"] == "img" and len(picture.attrib["aria-label"]) > 20


def test_a_page_says_what_the_fit_says(kind: str) -> None:
    fit, text = made(kind)
    words = words_of(tree(text)).replace("−", "-")
    for value in (f"{fit.loglik:.5f}", f"{fit.bic:.3f}", f"{fit.icl:.3f}", f"{-fit.bic:.3f}"):
        assert value in words
    assert printable(fit.model.describe()) in words
    assert all(" ".join(warning.split()) in words for warning in fit.warnings)
    assert ("No warnings." in words) == (not fit.warnings)
    assert ("degenerate" in words.replace("no degenerate component", "")) == bool(fit.degenerate)
    assert "emix fit 'x y' -k 2" in words
    for j in range(fit.k):
        at = f"{fit.mixture.means[j, 0]:.4g}"
        assert at in words, at


def test_names_from_outside_do_nothing() -> None:
    text = made("hostile")[1]
    assert "<script" not in text.lower() and "\x07" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_what_is_held_has_no_standard_error_but_a_word() -> None:
    fit, text = made("hostile")
    table = next(table for table in tree(text).iter("table")
                 if table.find("caption").text == "Means")  # type: ignore[union-attr]
    first = table.find("tbody")[0]  # type: ignore[index]
    assert words_of(first[1]) == "54.5held" and "±" in words_of(first[2])
    assert fit.mixture.means[0, 0] == 54.5


def test_the_python_of_a_page_makes_the_fit_again(kind: str) -> None:
    fit, text = made(kind)
    code = next(words for node in tree(text).iter("pre") if "import emix" in
                (words := "".join(node.itertext())))
    kept = fit._rows_of(None)
    assert kept is not None
    names = {"x": kept}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        exec(code, names)
    again = names["fit"]
    assert again.loglik == fit.loglik and again.df == fit.df  # type: ignore[attr-defined]
    assert again.model.describe() == fit.model.describe()  # type: ignore[attr-defined]


def test_the_same_fit_makes_the_same_page() -> None:
    fit = fit_of("weighted")
    assert page(fit, fit._rows_of(None)) == page(fit, fit._rows_of(None))


def test_a_fit_without_its_rows_has_a_page_that_says_so(tmp_path: Path) -> None:
    stored = pickle.loads(pickle.dumps(made("waiting")[0]))
    path = tmp_path / "stored.html"
    assert stored.report(path) == str(path)
    words = words_of(tree(path.read_text()))
    assert "no pictures of the data" in words
    pictures = [len(stored.optima) > 1, len(stored.trace) > 1]
    assert len(list(tree(path.read_text()).iter("svg"))) == sum(pictures) > 0
    with pytest.raises(ParameterError, match=r"give the data: fit.plot\(x\)"):
        stored.plot()


def test_rows_can_be_given_and_must_be_those_of_the_fit(tmp_path: Path) -> None:
    fit = fit_of("weighted")
    path = str(tmp_path / "given.HTML")
    fit.report(path, x=WAITING, sample_weight=np.linspace(0, 1.5, 272))
    assert (tmp_path / "given.HTML").read_text() == page(fit, fit._rows_of(None))
    with pytest.raises(DataError, match="not the data of the fit"):
        fit.report(path, x=WAITING[1:], sample_weight=np.linspace(0, 1.5, 271))


def test_asking_for_standard_errors_does_not_cost_the_pictures() -> None:
    fit = emix.fit(WAITING, 2)
    before = fit._rows_of(None)
    assert fit.uncertainty is not None
    assert fit._rows_of(None) is before is not None
    assert fit.plot().get_xlabel() == "x"


@pytest.mark.parametrize(("path", "why"), [
    ("report.pdf", r"ends in \.html"), ("faithful.csv", r"the data goes in x="),
    (WAITING, "path is a ndarray"),
])
def test_what_is_no_page_is_refused(tmp_path: Path, path: object, why: str) -> None:
    (tmp_path / "faithful.csv").write_text("kept")
    with pytest.raises(ParameterError, match=why):
        made("waiting")[0].report(tmp_path / path if isinstance(path, str) else path)
    assert (tmp_path / "faithful.csv").read_text() == "kept"


def test_a_page_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "there.html"
    path.write_text("before")
    stored = pickle.loads(pickle.dumps(fit_of("spikes")))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        stored.report(path)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise MissingExtraError("matplotlib", "plot", "drawing a picture")

    monkeypatch.setattr("emix.plots.backend.matplotlib", missing)
    with pytest.raises(MissingExtraError, match=r"emix\[plot\]"):
        made("waiting")[0].report(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


# The command line


def test_fit_report_writes_a_page_with_units_command_and_certificate(tmp_path: Path) -> None:
    path = tmp_path / "waiting.html"
    words = ["fit", "faithful", "--columns", "waiting", "-k", "2", "--report", str(path)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert f"wrote {path}" in result.output
    text = words_of(tree(path.read_text()))
    assert text.count("waiting (minutes)") >= 3
    assert "How far from the best there can be" in text
    assert f"emix {' '.join(words)}" in text


@pytest.mark.parametrize("path", ["page.pdf", "none/page.html"])
def test_a_report_that_could_not_be_written_is_refused_before_the_fit(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emix.fit", lambda *_, **__: pytest.fail("fitted all the same"))
    result = CliRunner().invoke(main, ["fit", "faithful", "-k", "2", "--report",
                                       str(tmp_path / path)])
    assert result.exit_code in (1, 2) and "page" in result.output
