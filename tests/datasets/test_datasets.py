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
    "banknote": "f7f69b685ccaaabc1e38b18b8ad07126de4824c3560b1af18035a8b5678c3ddc",
    "diabetes": "011624118e3041d8fe6b5192e90a7702e75d60451ca2c54b6b4e22eb2813e90f",
    "enzyme": "b700d6159628eef63e4dc69fe3f37148ed905b7edec2d768ed97d9bcb29a2046",
    "faithful": "c1528a01fabb3e454c6e9a895d099e20295b2606b76cf1c69986b3f929578705",
    "galaxies": "a89592158b909f3e6abc67641f5f36a02eaf220e9ddd9b129ecd422bd9a81d63",
    "galaxies_fixed": "fe8bf1776c51f746f53464cbc44632296fe9a570f6db7bfd2f14947a3c1e7d78",
    "iris": "012f498fe9c8b3b34212c3c5d98e1f03f2f79931cd49349beb1bad64dcf164a7",
    "thyroid": "923c6265d7c6dfdbc9a74a69a998b3e82fd901716e620ed62ba95cec2548150e",
    "wine": "8edcf3903afd97c64d51e0212eb10b213f7943da650574d1c055b836c5c35d37",
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
    "banknote": (
        200,
        {
            "Length": (429792, 1, 213.8, 216.3),
            "Left": (260243, 1, 129, 131),
            "Right": (259913, 1, 129, 131.1),
            "Bottom": (18835, 1, 7.2, 12.7),
            "Top": (21301, 1, 7.7, 12.3),
            "Diagonal": (280967, 1, 137.8, 142.4),
        },
    ),
    "diabetes": (
        145,
        {"glucose": (17688, 0, 70, 353), "insulin": (78414, 0, 45, 1568),
         "sspg": (26987, 0, 10, 748)},
    ),
    "thyroid": (
        215,
        {
            "RT3U": (23563, 0, 65, 144),
            "T4": (21080, 1, 0.5, 25.3),
            "T3": (4408, 1, 0.2, 10),
            "TSH": (6192, 1, 0.1, 56.4),
            "DTSH": (9028, 1, -0.7, 56.3),
        },
    ),
    "wine": (
        178,
        {
            "alcohol": (231411, 2, 11.03, 14.83),
            "malic_acid": (41587, 2, 0.74, 5.8),
            "ash": (42124, 2, 1.36, 3.23),
            "alcalinity_of_ash": (34701, 1, 10.6, 30),
            "magnesium": (17754, 0, 70, 162),
            "total_phenols": (40853, 2, 0.98, 3.88),
            "flavanoids": (36121, 2, 0.34, 5.08),
            "nonflavanoid_phenols": (6441, 2, 0.13, 0.66),
            "proanthocyanins": (28318, 2, 0.41, 3.58),
            # One value is 9.899999 in the UCI copy, and here.
            "color_intensity": (900339999, 6, 1.28, 13),
            "hue": (170426, 3, 0.48, 1.71),
            "od280_od315_of_diluted_wines": (46488, 2, 1.27, 4),
            "proline": (132947, 0, 278, 1680),
        },
    ),
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
        # A table in a book has no digital identifier of its own.
        assert re.search(r"\bdoi:10\.\d{4,}/\S+|Tables .*pages", dataset.source)
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


@pytest.mark.parametrize(
    ("name", "counts"),
    [("banknote", {"genuine": 100, "counterfeit": 100}),
     ("diabetes", {"chemical": 36, "normal": 76, "overt": 33}),
     ("thyroid", {"normal": 150, "hyperthyroid": 35, "hypothyroid": 30}),
     ("wine", {"Barolo": 59, "Grignolino": 71, "Barbera": 48})],
)
def test_groups_are_as_large_as_published(name: str, counts: dict[str, int]) -> None:
    dataset = datasets.load(name)
    assert dataset.label is not None
    found = np.bincount(dataset.label)
    assert dict(zip(dataset.label_names, found.tolist(), strict=True)) == counts


def test_groups_are_called_what_they_are() -> None:
    # Genuine notes have a longer diagonal and a smaller bottom margin (Flury & Riedwyl 1988);
    # patients with too little thyroid hormone have less thyroxin and more TSH than others.
    bank, thyroid = datasets.load("banknote"), datasets.load("thyroid")
    genuine = bank.label == bank.label_names.index("genuine")
    assert genuine[:100].all() and not genuine[100:].any()
    assert bank["Diagonal"][genuine].mean() > bank["Diagonal"][~genuine].mean() + 1
    hypo, normal, hyper = (thyroid.label == code for code in range(3))
    assert thyroid["T4"][hypo].mean() < thyroid["T4"][normal].mean() < thyroid["T4"][hyper].mean()
    assert thyroid["TSH"][hypo].mean() > 5 * thyroid["TSH"][normal].mean()
    # Glucose is highest in overt diabetes.
    diabetes = datasets.load("diabetes")
    means = [diabetes["glucose"][diabetes.label == code].mean() for code in range(3)]
    assert means[1] < means[0] < means[2]


def test_diabetes_has_the_flaw_that_its_notes_tell_of() -> None:
    diabetes = datasets.load("diabetes")
    assert diabetes["insulin"][103] == 45 and diabetes["insulin"].argmin() == 103
    assert "row 104" in diabetes.notes and "455" in diabetes.notes


def test_units_that_are_not_known_are_not_shown() -> None:
    thyroid = datasets.load("thyroid")
    assert [thyroid.unit(column) for column in thyroid.columns] == ["percent", "", "", "", ""]
    assert "unknown" not in repr(thyroid) and datasets.load("teaching").unit("x") == ""
    assert "and 7 more" in repr(datasets.load("wine"))


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


def test_a_dataset_is_rows_to_numpy() -> None:
    dataset = datasets.load("faithful")
    assert np.shares_memory(np.asarray(dataset), dataset.data)
    assert not np.shares_memory(np.array(dataset), dataset.data)
    assert np.asarray(dataset, np.float32).dtype == np.float32


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
