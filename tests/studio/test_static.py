"""The page's own files: few, small, shipped, and asking nobody else for anything."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from emix.plots import style
from emix.studio.app import STATIC

FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
# What SVG elements must be told they are; nobody is asked for it.
NAMESPACE = "http://www.w3.org/2000/svg"


def test_it_lies_in_the_package() -> None:
    assert Path(str(resources.files("emix.studio").joinpath("static"))) == STATIC
    assert {path.suffix for path in FILES} == {".html", ".css", ".js", ".svg"}


def test_it_is_small_and_readable() -> None:
    lines = [line for path in FILES for line in path.read_text().splitlines()]
    assert len(lines) < 1500
    assert max(map(len, lines)) <= 140


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_other_host_is_named(path: Path) -> None:
    text = path.read_text().replace(NAMESPACE, "")
    assert not re.search(r"https?:|//[a-z]+\.|@import|\burl\((?!#)", text)
    # What the policy of the server would refuse anyway.
    assert not re.search(r"\son\w+=\"|<script>|<style|style=\"|\beval\(|innerHTML", text)


def test_modules_import_what_is_there() -> None:
    for path in STATIC.rglob("*.js"):
        for target in re.findall(r"from \"([^\"]+)\"", path.read_text()):
            assert (path.parent / target).is_file(), f"{path.name} imports {target}"


def test_there_is_a_hue_for_each_colour_of_the_plots() -> None:
    text = (STATIC / "style.css").read_text()
    assert all(f".hue-{j} {{ --own: var(--hue-{j}); }}" in text
               for j in range(len(style.PALETTE)))
