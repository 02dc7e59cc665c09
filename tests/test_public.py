"""The public names: few, sorted, documented, and quick to import."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import subprocess
import sys
import warnings

import pytest

import emix


def modules() -> list[str]:
    found = [name for _, name, _ in pkgutil.walk_packages(emix.__path__, "emix.")]
    left_out = ["__main__", "._native"]
    if importlib.util.find_spec("emix.kernels._native") is None:
        left_out.append(".native")  # the native kernel's face, which was not built
    return ["emix", *(n for n in found if not n.endswith(tuple(left_out)))]


def test_the_names_are_sorted_few_and_there():
    assert emix.__all__ == sorted(emix.__all__) and len(emix.__all__) <= 25
    assert len(set(emix.__all__)) == len(emix.__all__)
    for name in emix.__all__:
        assert getattr(emix, name) is not None
    # A name without an underscore that is not public is a module of the package.
    others = {n for n in vars(emix) if not n.startswith("_")} - set(emix.__all__)
    assert all(inspect.ismodule(getattr(emix, n)) for n in others)


@pytest.mark.parametrize("name", emix.__all__)
def test_every_name_is_documented_in_its_own_words(name):
    thing = getattr(emix, name)
    text = inspect.getdoc(thing)
    assert text and len(text.split()) >= 5 and text.rstrip()
    # Not the words inherited from a parent.
    if inspect.isclass(thing):
        assert thing.__doc__ and not thing.__doc__.startswith(f"{thing.__name__}(")
        public = [m for n, m in inspect.getmembers(thing, inspect.isfunction)
                  if not n.startswith("_") and m.__module__.startswith("emix")]
        assert all(inspect.getdoc(method) for method in public)


@pytest.mark.parametrize("function", [
    emix.fit, emix.fit_many, emix.steps, emix.load, emix.Mixture, emix.NormalPrior,
    emix.DirichletPrior, emix.datasets.load, emix.uncertainty, emix.bootstrap_lrt,
], ids=lambda f: f.__name__)
def test_functions_have_an_example(function):
    assert ">>>" in inspect.getdoc(function)


@pytest.mark.parametrize("function", [
    emix.fit, emix.fit_many, emix.steps, emix.uncertainty, emix.bootstrap_lrt])
def test_every_argument_is_explained(function):
    text = inspect.getdoc(emix.fit) + inspect.getdoc(function)
    for name in inspect.signature(function).parameters:
        assert name in text, name


@pytest.mark.parametrize("name", modules())
def test_examples_give_what_they_say(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"emix": emix})
    assert result.failed == 0


def test_examples_are_there_to_be_tested():
    finder = doctest.DocTestFinder(exclude_empty=True)
    count = sum(
        len(test.examples) for name in modules()
        for test in finder.find(importlib.import_module(name))
    )
    assert count >= 20


def test_importing_emix_imports_little():
    """Nothing optional, no SciPy beyond what a first density needs, no command line."""
    script = "import sys, emix; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-W", "error", "-c", script], check=True,
                            capture_output=True, text=True).stdout.split()
    heavy = {"sklearn", "matplotlib", "pandas", "polars", "click", "narwhals", "scipy.special",
             "scipy.stats", "scipy.integrate", "scipy.linalg", "scipy.optimize", "emix.cli",
             "emix.plots", "emix.certificates", "emix.selection", "emix.many", "emix.estimator",
             "multiprocessing", "asyncio", "statistics", "hashlib"}
    assert heavy & set(loaded) == set()
    assert "emix.fitting" in loaded


def test_everything_has_the_version():
    assert emix.__version__.count(".") == 2


@pytest.mark.parametrize(("error", "builtin"), [
    (emix.DataError, ValueError), (emix.ParameterError, ValueError),
    (emix.ModelFileError, ValueError), (emix.NumericalError, ArithmeticError),
    (emix.MissingExtraError, ImportError),
])
def test_errors_can_be_caught_as_emixs_and_as_the_builtin(error, builtin):
    assert issubclass(error, emix.EmixError) and issubclass(error, builtin)


def test_a_missing_extra_says_how_to_get_it():
    error = emix.MissingExtraError("matplotlib", "plot", "a picture")
    assert str(error) == ("a picture needs matplotlib, which is not installed; "
                          "install it with: pip install 'emix[plot]'")
