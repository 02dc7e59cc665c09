"""docs/reliability.md lists every failure with the tests that hold it; they are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGE = TESTS.parent / "docs" / "reliability.md"
LINES = 44


def rows() -> list[list[str]]:
    found = [re.split(r"(?<!\\)\|", line)[1:-1] for line in PAGE.read_text().splitlines()
             if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in row] for row in found]


def test_every_line_is_numbered_and_answered():
    assert [int(row[0]) for row in rows()] == list(range(1, LINES + 1))
    for _, what, ours, theirs, tests in rows():
        assert what and ours and theirs and "`" in tests
        assert not re.match(r"(?!DataError|ModelFileError)\w*Error", ours), ours


def test_every_test_named_is_there():
    for row in rows():
        named = re.findall(r"`([^`]+)`", row[4])
        assert named
        for test in named:
            file, name = test.split("::")
            text = (TESTS / file).read_text()
            assert name == "*" or f"def {name}(" in text, test
