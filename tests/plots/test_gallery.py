"""The gallery shows what its script draws, and the script knows every kind of picture."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emix import plots

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "gallery.md").read_text()
# Those of the studio are of a browser.
FILES = [path for path in (DOCS / "images").glob("*.*")
         if path.suffix in (".png", ".gif") and not path.name.startswith("studio")]


@pytest.fixture(scope="module")
def make() -> Any:
    spec = importlib.util.spec_from_file_location("make", DOCS / "images" / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_script_and_files_agree(make: Any) -> None:
    shown = re.findall(r"^!\[[^\]]{20,}\]\(images/([a-z]+)\.(?:png|gif)\)$", PAGE, re.M)
    drawn = [draw.__name__ for draw in make.PICTURES]
    assert sorted(shown) == sorted(drawn) and len(set(drawn)) == len(drawn)
    assert sorted(path.stem for path in FILES) == sorted(drawn)


def test_every_kind_of_picture_is_in_the_script() -> None:
    script = (DOCS / "images" / "make.py").read_text()
    # What a fit and other values draw of themselves.
    by_method = {"plot_bic": "select(", "plot_certificate": "certify(", "plot_criteria": "criteria",
                 "plot_ellipses": "def faithful", "plot_floor": "floor_path",
                 "plot_goodness": "goodness(", "plot_intervals": "errors", "plot_pairs": "def iris",
                 "plot_profile": "profile("}
    for name in plots.__all__:
        assert name in script or by_method[name] in script, name


def test_files_are_small_and_of_few_colours() -> None:
    for path in FILES:
        assert path.stat().st_size < (400_000 if path.suffix == ".gif" else 120_000), path.name
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert picture.mode == "P"


def test_the_script_draws_what_is_there(make: Any, tmp_path: Path) -> None:
    make.FOLDER = tmp_path
    make.main(["column"])
    pictures = []
    for folder in (tmp_path, DOCS / "images"):
        with Image.open(folder / "column.png") as picture:
            pictures.append(np.asarray(picture.convert("L"), float))
    new, old = pictures
    assert new.shape == old.shape
    # Another version of matplotlib may put letters elsewhere by a pixel.
    assert np.abs(new - old).mean() < 6
