"""The bundled data are the published numbers, to the bit, and say where they come from."""

from __future__ import annotations

import csv
import hashlib
import math
import pickle
import re
import subprocess
import sys
import tomllib
from importlib import resources

import numpy as np
import pytest

from emix import datasets
from emix.errors import DataError

FOLDER = resources.files("emix.datasets")

# Of the values as little-endian float64, row by row. acidity and enzyme were compared once with a
# second, independent copy (the R package mixAK) and agree with it in every digit.
SHA256 = {
    "acidity": "ec5771cc8ad54d839597d30082bf8a5f5030c6ed27c6e56eb1445dafb79d5fdc",
    "enzyme": "b700d6159628eef63e4dc69fe3f37148ed905b7edec2d768ed97d9bcb29a2046",
    "faithful": "c1528a01fabb3e454c6e9a895d099e20295b2606b76cf1c69986b3f929578705",
    "galaxies": "a89592158b909f3e6abc67641f5f36a02eaf220e9ddd9b129ecd422bd9a81d63",
    "galaxies_fixed": "fe8bf1776c51f746f53464cbc44632296fe9a570f6db7bfd2f14947a3c1e7d78",
    "iris": "012f498fe9c8b3b34212c3c5d98e1f03f2f79931cd49349beb1bad64dcf164a7",
    "teaching": "3febb88b1566fa29f4628c767ad62a1f4827c386656f02e84e777c6a45cce571",
}

# n, then for each column: sum in units of the last digit given, decimals, smallest, largest.
TOTALS = {
    "acidity": (155, {"acidity": (791289947, 6, 2.928524, 7.10513)}),
    "enzyme": (245, {"enzyme": (152452, 3, 0.021, 2.88)}),
    "faithful": (272, {"eruptions": (948677, 3, 1.6, 5.1), "waiting": (19284, 0, 43, 96)}),
    "galaxies": (82, {"velocity": (1707910, 3, 9.172, 34.279)}),
    "galaxies_fixed": (82, {"velocity": (1708180, 3, 9.172, 34.279)}),
    "iris": (
        150,
        {
            "Sepal_Length": (8765, 1, 4.3, 7.9),
            "Sepal_Width": (4586, 1, 2.0, 4.4),
            "Petal_Length": (5637, 1, 1.0, 6.9),
            "Petal_Width": (1799, 1, 0.1, 2.5),
        },
    ),
    "teaching": (2, {"x": (75, 1, 3, 4.5)}),
}


def test_names_are_those_of_the_files_and_of_the_sources_table() -> None:
    files = {entry.name[:-4] for entry in FOLDER.iterdir() if entry.name.endswith(".csv")}
    table = tomllib.loads(FOLDER.joinpath("sources.toml").read_text(encoding="utf-8"))
    assert datasets.names() == tuple(sorted(files)) == tuple(sorted(table))
    assert set(datasets.names()) == set(SHA256) == set(TOTALS)


@pytest.mark.parametrize("name", datasets.names())
def test_values_are_those_of_the_original(name: str) -> None:
    dataset = datasets.load(name)
    n, columns = TOTALS[name]
    assert (dataset.n, dataset.d) == (n, len(columns)) == dataset.data.shape
    assert dataset.columns == tuple(columns)
    for column, (total, decimals, smallest, largest) in columns.items():
        values = dataset[column]
        assert round(math.fsum(values) * 10**decimals) == total
        assert (values.min(), values.max()) == (smallest, largest)
        # No value has more digits than the original gives.
        assert np.array_equal(values, np.round(values, decimals))
    assert hashlib.sha256(dataset.data.astype("<f8").tobytes()).hexdigest() == SHA256[name]


@pytest.mark.parametrize("name", datasets.names())
def test_file_is_plain_csv_that_parses_to_the_same_bits(name: str) -> None:
    with FOLDER.joinpath(f"{name}.csv").open(encoding="ascii") as file:
        header, *rows = csv.reader(file)
    dataset = datasets.load(name)
    d = dataset.d
    assert tuple(header[:d]) == dataset.columns
    assert [[float(cell) for cell in row[:d]] for row in rows] == dataset.data.tolist()


@pytest.mark.parametrize("name", datasets.names())
def test_sources_table_is_complete(name: str) -> None:
    dataset = datasets.load(name)
    assert dataset.name == name
    assert tuple(dataset.units) == dataset.columns
    assert all(dataset.units.values())
    assert len(dataset.title) < 60
    assert len(dataset.notes) > 60
    if name != "teaching":
        assert re.search(r"\bdoi:10\.\d{4,}/\S+", dataset.source)
        assert re.search(r"\(1\d{3}\)", dataset.source)
    assert "  " not in dataset.source + dataset.notes
    assert "\n" not in (dataset.source + dataset.notes).strip("\n")
    assert f"{name}.csv" in FOLDER.joinpath("PROVENANCE.txt").read_text(encoding="utf-8")


def test_documented_statistics() -> None:
    # As R prints them: summary(faithful), summary(iris), mean(galaxies), sd().
    faithful = datasets.load("faithful")
    assert faithful.data.mean(axis=0).round(6).tolist() == [3.487783, 70.897059]
    assert faithful.data.std(axis=0, ddof=1).round(6).tolist() == [1.141371, 13.594974]
    assert np.median(faithful.data, axis=0).tolist() == [4.0, 76.0]
    iris = datasets.load("iris")
    assert iris.data.mean(axis=0).round(6).tolist() == [5.843333, 3.057333, 3.758, 1.199333]
    galaxies = datasets.load("galaxies")["velocity"]
    assert round(galaxies.mean(), 6) == 20.828171
    assert round(galaxies.std(ddof=1), 6) == 4.563758


def test_galaxies_has_the_swapped_digits_and_the_fixed_set_has_not() -> None:
    shipped, fixed = datasets.load("galaxies"), datasets.load("galaxies_fixed")
    assert shipped["velocity"][77] == 26.690
    assert fixed["velocity"][77] == 26.960
    assert np.flatnonzero(shipped["velocity"] != fixed["velocity"]).tolist() == [77]
    for dataset in (shipped, fixed):
        assert "26.690" in dataset.notes
        assert "26.960" in dataset.notes
    assert np.array_equal(shipped["velocity"], np.rint(shipped["velocity"] * 1000) / 1000)


def test_iris_is_fishers_table_with_its_species() -> None:
    iris = datasets.load("iris")
    # The two rows in which the UCI copy departs from Fisher's table.
    assert iris.data[34].tolist() == [4.9, 3.1, 1.5, 0.2]
    assert iris.data[37].tolist() == [4.9, 3.6, 1.4, 0.1]
    assert iris.label is not None
    assert iris.label_names == ("setosa", "versicolor", "virginica")
    assert iris.label.tolist() == [0] * 50 + [1] * 50 + [2] * 50
    means = [iris.data[iris.label == code].mean(axis=0).round(3).tolist() for code in range(3)]
    assert means == [
        [5.006, 3.428, 1.462, 0.246],
        [5.936, 2.770, 4.260, 1.326],
        [6.588, 2.974, 5.552, 2.026],
    ]
    assert datasets.load("faithful").label is None
    assert datasets.load("faithful").label_names == ()


def test_teaching_is_two_numbers() -> None:
    assert datasets.load("teaching")["x"].tolist() == [3.0, 4.5]


@pytest.mark.parametrize("name", datasets.names())
def test_arrays_are_read_only_float64_in_c_order(name: str) -> None:
    dataset = datasets.load(name)
    arrays = [dataset.data, *(dataset[column] for column in dataset.columns)]
    for array in arrays:
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
    assert [array.shape for array in arrays[1:]] == [(dataset.n,)] * dataset.d
    if dataset.label is not None:
        assert dataset.label.shape == (dataset.n,)
        assert dataset.label.dtype == np.int64
        with pytest.raises(ValueError, match="read-only"):
            dataset.label[0] = 0


def test_a_dataset_is_a_value() -> None:
    dataset = datasets.load("faithful")
    with pytest.raises(AttributeError):
        dataset.name = "other"  # type: ignore[misc]
    assert isinstance(dataset.units, dict)
    copy = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(copy.data, dataset.data)
    assert copy.source == dataset.source


@pytest.mark.parametrize("name", datasets.names())
def test_repr_is_short(name: str) -> None:
    lines = repr(datasets.load(name)).splitlines()
    assert 2 <= len(lines) <= 3
    assert all(len(line) <= 100 for line in lines)
    assert lines[0].startswith(f"{name}: ")
    assert f"n = {TOTALS[name][0]}" in lines[0]


def test_unknown_names_are_refused_with_the_choices() -> None:
    with pytest.raises(DataError, match=r"no data set 'fathful'; did you mean 'faithful'\?") as got:
        datasets.load("fathful")
    assert all(name in str(got.value) for name in datasets.names())
    with pytest.raises(DataError, match=r"no data set '\.\./iris'"):
        datasets.load("../iris")
    with pytest.raises(DataError, match="no column 'wait'; did you mean 'waiting'") as got:
        datasets.load("faithful")["wait"]
    assert "eruptions, waiting" in str(got.value)
    with pytest.raises(DataError, match="no column 0"):
        datasets.load("faithful")[0]  # type: ignore[index]


@pytest.mark.parametrize("source", ["faithful.csv", "./faithful", "Faithful", "", "-", "sources"])
def test_only_bundled_names_count_as_names(source: str) -> None:
    assert not datasets.is_name(source)
    assert all(datasets.is_name(name) for name in datasets.names())


def test_importing_brings_in_no_heavy_package() -> None:
    program = (
        "import sys, emix.datasets; emix.datasets.load('iris'); "
        "print({'pandas', 'sklearn', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
