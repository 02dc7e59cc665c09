"""Arrays in every shape that data comes in, units that are exact, seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emix import DataError, ParameterError
from emix.arrays import Block, Units, as_components, as_points, as_sample_weight, as_seed, frozen

WHOLE = [3, 0, 127, 5]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", ">i4", "i8", "u8", "f2", "f4", "f8", ">f4",
                                   ">f8", "<f8"])
def test_numbers_of_every_dtype_are_read(dtype):
    points = as_points(np.array(WHOLE, dtype=dtype))
    assert points.shape == (4, 1) and points[:, 0].tolist() == WHOLE
    assert points.dtype == (np.float32 if dtype.endswith("f4") else np.float64)
    assert points.dtype.isnative


def test_booleans_and_wide_integers():
    assert as_points(np.array([True, False]))[:, 0].tolist() == [1.0, 0.0]
    assert as_points(np.array([2**63, 1], dtype=np.uint64))[0, 0] == 2.0**63
    assert as_points([2**70, 1])[0, 0] == 2.0**70


@pytest.mark.parametrize("x", [
    WHOLE, tuple(WHOLE), [float(v) for v in WHOLE], [[v] for v in WHOLE],
    np.array(WHOLE, dtype=object), np.array(WHOLE)[:, None], np.ma.array(WHOLE),
])
def test_every_way_to_give_a_column(x):
    assert as_points(x)[:, 0].tolist() == WHOLE


def test_layouts_are_kept_as_they_are():
    """A copy only where it must be: the caller's floats are used where they lie."""
    table = np.arange(24.0).reshape(6, 4)
    for view in (table, table[::2], table[:, 1:3], table.T, table[::-1], np.asfortranarray(table)):
        points = as_points(view)
        assert np.shares_memory(points, view)
        np.testing.assert_array_equal(points, view)
    single = np.arange(3, dtype=np.float32)
    assert np.shares_memory(as_points(single), single)
    table.flags.writeable = False
    assert np.shares_memory(as_points(table), table)


def test_data_are_never_written_to():
    x = np.arange(6.0)
    x.flags.writeable = False
    as_points(x)
    as_points(x.astype(">f8"))
    assert x.tolist() == list(range(6))


@pytest.mark.parametrize("x", [
    "3.5", b"3.5", None, ["a", "b"], np.array(["1", "2"]), [1.0, "a"], [1, None, "x"],
    [[1], [2, 3]], np.array([1, "x"], dtype=object), np.array([1, "2"], dtype=object), [10**400],
    np.array([1 + 2j]), [1j], {"a": 1}, {1.0, 2.0}, object(), np.array(["2020-01-01"], "M8[D]"),
    np.array([3], "m8[s]"), np.array([1], dtype=np.longdouble), [], np.zeros((0, 3)),
    np.zeros((3, 0)), np.zeros((2, 2, 2)), np.array(3.0), 3.0,
])
def test_what_holds_no_numbers_is_refused(x):
    with pytest.raises(DataError, match="column_of_mine"):
        as_points(x, "column_of_mine")


def test_missing_values_are_left_for_the_first_look_at_the_data():
    assert np.isnan(as_points([1.0, None])[1, 0])


def test_masked_values_are_missing_and_not_what_lies_beneath():
    for x, where in ((np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 1]), r"\[1\]"),
                     (np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 0], [0, 1]]), r"\[1, 1\]")):
        with pytest.raises(DataError, match=f"x is masked at {where}"):
            as_points(x)
    whole = as_points(np.ma.array([1.0, 2.0], mask=False))
    assert type(whole) is np.ndarray and whole[:, 0].tolist() == [1.0, 2.0]


def test_what_is_no_number_is_shown():
    with pytest.raises(DataError, match=r"x holds '2', which is not a number"):
        as_points(np.array([1, "2"], dtype=object))


def test_row_weights_are_one_number_per_row():
    w = as_sample_weight(np.array([1, 2, 3])[::-1], 3)
    assert w.dtype == np.float64 and w.flags.c_contiguous and w.tolist() == [3.0, 2.0, 1.0]
    assert as_sample_weight([[1.0], [2.0]], 2).tolist() == [1.0, 2.0]
    for wrong in ([1.0], [1.0] * 4, np.ones((3, 2)), "abc", 1.0):
        with pytest.raises(DataError, match="sample_weight"):
            as_sample_weight(wrong, 3)


def test_components_are_one_for_all_or_one_each():
    assert as_components(2, 3, "sds").tolist() == [2.0] * 3
    for same in ([1, 2], (1, 2), [[1], [2]], np.array([[[1]], [[2]]])):
        assert as_components(same, 2, "sds").tolist() == [1.0, 2.0]
    given_array = np.array([1.0, 2.0])
    as_components(given_array, 2, "sds")[0] = 9.0
    assert given_array[0] == 1.0
    for wrong in ([1.0], [1.0] * 3, "x", object(), [[1, 2]], [np.inf, 1]):
        with pytest.raises(ParameterError, match="sds"):
            as_components(wrong, 2, "sds")


def test_rows_of_a_block_are_views():
    block = Block(np.arange(10.0).reshape(5, 2), np.arange(5.0))
    part = block.rows(1, 3)
    assert (part.n_rows, part.n_features) == (2, 2)
    assert np.shares_memory(part.points, block.points) and part.sample_weight.tolist() == [1.0, 2.0]
    assert Block(block.points).rows(0, 9).sample_weight is None
    array = frozen(np.zeros(2))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1.0


# Units

sizes = st.floats(-300, 300).map(lambda e: 10.0**e)


@given(sizes)
def test_scales_are_powers_of_two_that_make_a_spread_near_one(sd):
    units = Units.of_spread(np.zeros(1), np.array([sd]))
    mantissa, _ = math.frexp(units.scale[0])
    assert mantissa == 0.5
    assert math.sqrt(0.5) * (1 - 1e-15) <= sd * units.scale[0] <= math.sqrt(2) * (1 + 1e-15)


@pytest.mark.parametrize(("sd", "scale"), [
    (1.0, 1.0), (0.0, 1.0), (np.nan, 1.0), (np.inf, 1.0), (-1.0, 1.0), (2.0, 0.5), (1.41, 1.0),
    (1.42, 0.5), (0.7, 2.0), (0.71, 1.0), (5e-324, 2.0**1023), (1.7e308, 2.0**-1022),
])
def test_scales_where_they_matter(sd, scale):
    found = Units.of_spread(np.zeros(1), np.array([sd])).scale[0]
    # The largest spread needs 2⁻¹⁰²⁴, which is no longer a full double.
    assert found == scale and 0 < found < np.inf


@given(st.floats(-1e3, 1e3), sizes)
def test_scaling_is_exact_there_and_back(x, sd):
    units = Units.of_spread(np.zeros(1), np.array([sd]))
    value = np.array([[x * sd]])
    if abs(value[0, 0]) > 1e-290:
        np.testing.assert_array_equal(units.outward(units.inward(value)), value)


def test_every_column_has_its_own_units():
    units = Units.of_spread(np.array([5.0, -1e9]), np.array([1e-5, 300.0]))
    x = np.array([[5.0 + 2e-5, -1e9 + 600], [5.0, -1e9]])
    inside = units.inward(x)
    np.testing.assert_allclose(inside[0] * [1, 1], [2e-5 * units.scale[0], 600 * units.scale[1]],
                               rtol=1e-9)
    np.testing.assert_array_equal(inside[1], 0.0)
    assert units.log_jacobian == pytest.approx(np.log(units.scale).sum())
    # Single precision is subtracted in double.
    single = np.array([[16777217.0 - 1, 1.0]], dtype=np.float32)
    assert Units(np.array([16777215.5, 0.0]), np.ones(2)).inward(single)[0, 0] == 0.5


# Seeds


def test_seeds():
    assert as_seed(None) == as_seed(0) == 0
    assert as_seed(7) == as_seed(np.int32(7)) == as_seed(np.uint64(7)) == 7
    assert as_seed(2**64 + 3) == 3 and as_seed(2**64 - 1) == 2**64 - 1
    rng = np.random.default_rng(1)
    first = as_seed(rng)
    assert first == as_seed(np.random.default_rng(1)) != as_seed(rng)


@pytest.mark.parametrize("seed", [-1, 1.0, "1", True, [1], np.random.RandomState(0), np.random])
def test_what_is_no_seed(seed):
    with pytest.raises(ParameterError, match="seed="):
        as_seed(seed)
