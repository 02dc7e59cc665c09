import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

for folder in ("reference", "nightly"):
    sys.path.insert(0, str(Path(__file__).parent / folder))

from lenient import lenient  # noqa: E402
from nights import NIGHTLY  # noqa: E402

# A shell that starts a job in the background has it ignore Ctrl-C, of which there are tests.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Laws are about numbers, not about how busy the machine is; and the same run finds the same.
settings.register_profile("emix", deadline=None, derandomize=True)
# Ten thousand cases of a law: pytest --hypothesis-profile=nightly tests/laws
settings.register_profile("nightly", deadline=None, derandomize=True, max_examples=NIGHTLY)
settings.load_profile("emix")


@pytest.fixture(autouse=True)
def strict_arithmetic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing in emix may overflow, underflow, divide by zero or make NaN unseen: where it is
    meant, the code says so, and so do the oracles of the tests (`lenient`; scikit-learn issue
    7462). NumPy's own comparison multiplies what it compares by a tolerance."""
    monkeypatch.setattr(np.testing, "assert_allclose", lenient(np.testing.assert_allclose))
    with np.errstate(all="raise"):
        yield
