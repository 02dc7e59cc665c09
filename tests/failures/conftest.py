import warnings

import pytest

import emix


@pytest.fixture
def quietly():
    """`emix.fit` of data that warrant a warning, which other tests are about."""

    def fit(*args, **kwargs) -> emix.Fit:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return emix.fit(*args, **kwargs)

    return fit
