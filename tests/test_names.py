"""What columns without names are called, and how names stand in messages."""

from __future__ import annotations

import time

from emix.names import SHOWN_NAMES, as_names, default_names, listed, near


def test_columns_without_names():
    assert default_names(1) == ("x",)
    assert default_names(3) == ("x1", "x2", "x3")


def test_names_are_text_and_never_empty():
    assert as_names(["a", 2020, ("b", 1), "", None]) == \
        ("a", "2020", "('b', 1)", "column 4", "None")


def test_long_lists_are_cut():
    names = default_names(SHOWN_NAMES + 3)
    assert listed(names).endswith(f"'x{SHOWN_NAMES}' and 3 more")
    assert listed(names[:2], str) == "x1, x2"
    assert listed([]) == ""


def test_near_misses():
    assert near("Waiting", ["eruptions", "waiting"]) == "; did you mean 'waiting'?"
    assert near("WAITING", ["eruptions", "waiting"]) == "; did you mean 'waiting'?"
    assert near("zzz", ["eruptions", "waiting"]) == ""
    assert near("b", ["B", "bb"]) == "; did you mean 'B' or 'bb'?"


def test_a_million_names_hold_nobody_up():
    names = default_names(10**6)
    began = time.monotonic()
    assert near("y7", names) == ""
    assert time.monotonic() - began < 1
