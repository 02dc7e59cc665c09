"""What reproduces a run elsewhere: the command, the Python, the model, the responsibilities."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import emix
from emix import datasets
from emix.arrays import Floats
from emix.datasets import Dataset
from emix.labelled import answers, as_csv, header_of
from emix.mixture import modelfile
from emix.mixture.plaindata import smallest

if TYPE_CHECKING:
    from pathlib import Path

    from emix.mixture import Mixture
    from emix.studio.opening import Opened
    from emix.studio.run import Run, Setting

# What the start is saved as, where the command line has no words for it.
START_FILE = "start.json"


def reproduction(run: Run, opened: Opened) -> dict[str, Any]:
    """The command and the Python that give the numbers on the page, and whether the command needs
    the start as a file beside it."""
    line = command(run, opened)
    return {"command": line, "python": python(run, opened),
            "needs_start": line is not None and START_FILE in shlex.split(line)}


def command(run: Run, opened: Opened) -> str | None:
    """One line for a shell; None for what the command line has no options for."""
    setting, origin = run.setting, run.begun.origin
    if run.rows.d > 1 and (setting.means is not None or setting.covariances is not None):
        return None
    words = [_word(opened), "--columns", _columns(run.rows.names), "-k", str(setting.k),
             "--covariance", run.model.structure.name, *_held(setting)]
    if _is_of_fit(run):
        start = ["--seed", str(setting.seed)] if origin is None else _placed(origin)
        return shlex.join(["emix", "fit", *words, *start])
    start = ["--start", setting.kind, "--seed", str(setting.seed)] \
        if run.begun.how == "drawn" else _placed(run.start)
    return shlex.join(["emix", "steps", *words, *start, "-n", str(run.at)])


def _is_of_fit(run: Run) -> bool:
    """Whether what is seen is what a fit found, and its best."""
    return run.begun.how == "found" and run.begun.optimum == 0 and run.at == 0


def _word(opened: Opened) -> str:
    plain = isinstance(opened.x, Dataset) or not datasets.is_name(opened.word)
    return opened.word if plain and not opened.word.startswith("-") else f"./{opened.word}"


def _columns(names: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


def _held(setting: Setting) -> list[str]:
    words = []
    if setting.weights is not None:
        equal = bool((setting.weights == 1 / setting.k).all())
        words += ["--equal-weights"] if equal else ["--weights", _numbers(setting.weights)]
    if setting.means is not None:
        words += ["--means", _numbers(setting.means[:, 0])]
    if setting.sds is not None:
        words += ["--sds", _numbers(setting.sds)]
    return words


def _placed(start: Mixture) -> list[str]:
    """Options that begin at a mixture: number by number in one column, else from a file."""
    if start.n_features > 1:
        return ["--start", START_FILE]
    return ["--start-means", _numbers(start.means[:, 0]), "--start-sds", _numbers(start.sds),
            "--start-weights", _numbers(start.weights)]


def _numbers(values: Floats) -> str:
    """Numbers as they come back to the last bit."""
    return ",".join(repr(value) for value in values.tolist())


def python(run: Run, opened: Opened) -> str:
    """A script that ends with the numbers on the page."""
    setting, origin = run.setting, run.begun.origin
    is_bundled = isinstance(opened.x, Dataset)
    x = f"emix.datasets.load({opened.word!r})" if is_bundled else repr(opened.word)
    options = [f"columns={list(run.rows.names)!r}",
               f"covariance={run.model.structure.name!r}"]
    options += [f"{name}={value.tolist()!r}" for name, value in setting.arguments().items()
                if name != "covariance"]
    head = ["nan = float('nan')"] * ("nan" in "".join(options[2:]))
    start = run.start if origin is None else origin
    given = f"start = emix.Mixture.from_dict({smallest(start)!r})"
    if _is_of_fit(run):
        called = f"{setting.k}, seed={setting.seed}"
        if origin is not None:
            head, called = [*head, given], f"{setting.k}, start=start"
        lines = ["import emix", "", f"x = {x}", *head,
                 f"fit = emix.fit(x, {called}, {', '.join(options)})", "print(fit)"]
    else:
        lines = ["import itertools", "", "import emix", "", f"x = {x}", *head, given,
                 f"steps = emix.steps(x, start, {', '.join(options)})",
                 f"step = next(itertools.islice(steps, {run.at}, None))",
                 "print(step.loglik)", "print(step.mixture)"]
    return "\n".join(lines) + "\n"


def save_model(run: Run, opened: Opened, path: Path) -> None:
    """The mixture on the page as a model file, with what there is to say of it."""
    modelfile.save(
        run.mixture, path, columns=list(run.rows.names), units=list(run.rows.units),
        n=run.rows.n, loglik=run.step.loglik,
        covariance=run.model.structure.name, model=run.model.describe(),
        iteration=run.at, command=command(run, opened), emix=emix.__version__,
    )


def save_start(run: Run, _: Opened, path: Path) -> None:
    """The start of the run, or of the fit, as a model file."""
    start = run.begun.origin or run.start
    modelfile.save(start, path, columns=list(run.rows.names))


def responsibilities(run: Run) -> Iterator[str]:
    """A CSV table of label, p1, ..., pk for each row, as `emix fit --responsibilities` has it."""
    return as_csv(header_of(run.setting.k), answers(run.mixture, run.rows.source))
