"""What the documentation says is what happens: pages run, commands succeed, links lead on."""

import functools
import math
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from emix.cli import main
from emix.kernels import NATIVE

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))

from _site.docstrings import ready  # noqa: E402
from _site.offline import outside  # noqa: E402
from _site.page import Page, Part, parts  # noqa: E402

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXPLAINED = ROOT / "docs/explain.md"
# Hundreds of refits: a second or two in the native kernel, minutes in NumPy.
REFITTING = ("choose.md", "trust.md", "speed.md", "galaxies.md", "enzyme.md")


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


def session(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what it shows below."""
    yield from re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)


class Reader:
    """Runs a page from top to bottom, as its reader would, and compares what it shows."""

    def __init__(self, page: Path) -> None:
        self.where, self.page = page_name(page), Page(page.name)
        self.numbers: dict[str, list[str]] = {}

    def read(self, part: Part) -> None:
        if part.kind == "n":
            self.numbers.setdefault(part.text, []).append(self.page.number(part.text))
        elif part.kind in ("run", "python"):
            shown = self.page.run(part.text)
            assert set(shown.warned) <= set(part.options.get("warns", "").split()), shown.text
            if shown.is_picture and part.kind == "run":
                assert len(part.options["alt"]) > 20, f"{self.where}: a picture is described"
            if part.below is not None:
                assert shown.output.strip() == part.below.strip(), self.where
        elif part.kind == "console":
            for command, below in session(part.text):
                assert self.command(command).strip() == below.strip(), f"{self.where}: {command}"
        else:
            for line in part.text.splitlines():
                if line.startswith("emix "):
                    self.command(line, int(part.options.get("exit", 0)))

    def command(self, line: str, code: int = 0) -> str:
        shown = self.page.command(line)
        assert (shown.value or 0) == code, shown.text
        return shown.text


@functools.cache
def read(page: Path) -> Reader:
    reader = Reader(page)
    for part in parts(page.read_text()):
        reader.read(part)
    return reader


def running() -> list[Path]:
    return [page for page in PAGES if any(True for _ in parts(page.read_text()))]


@pytest.mark.parametrize("page", running(), ids=page_name)
def test_pages_run_from_top_to_bottom(page: Path) -> None:
    pytest.importorskip("matplotlib", reason="pages draw pictures")
    if "sklearn" in page.read_text():
        pytest.importorskip("sklearn", reason="the page compares with scikit-learn")
    if NATIVE is None and page.name in REFITTING:
        pytest.skip("hundreds of refits, which take minutes in NumPy; run with the native kernel")
    for expression, values in read(page).numbers.items():
        assert not any(value in ("nan", "inf", "None", "") for value in values), expression


# Tables of what is called how


def limited() -> AbstractContextManager[object]:
    """One thread for scikit-learn, whose threads wait for each other most of the time."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1)


def cells(page: Path, head: str) -> list[str]:
    """Code in the column of that head, of all tables of a page that have it."""
    found: list[str] = []
    column = None
    for line in page.read_text().splitlines():
        if not line.startswith("|"):
            column = None
            continue
        row = [cell.strip() for cell in line.strip("|").split("|")]
        if column is None:
            column = row.index(head) if head in row else -1
        elif column >= 0:
            found += re.findall(r"`([^`]+)`", row[column])
    return found


@pytest.mark.parametrize(
    ("guide", "head"),
    [("hold", "write"), ("from-mclust", "emix"), ("from-scikit-learn", "emix"),
     ("from-scikit-learn", "scikit-learn")],
)
def test_code_in_tables_runs(guide: str, head: str) -> None:
    if "scikit" in guide:
        pytest.importorskip("sklearn", reason="the page compares with scikit-learn")
    if NATIVE is None and guide == "from-mclust":
        pytest.skip("selections and refits, minutes in NumPy; run with the native kernel")
    page = ROOT / f"docs/guides/{guide}.md"
    reader = Reader(page)
    for part in parts(page.read_text()):
        if part.kind == "run":
            reader.read(part)
            break
    code = cells(page, head)
    assert len(code) > 5
    # What is scikit-learn's underflows where ours may not.
    theirs = np.errstate(under="ignore") if head == "scikit-learn" else nullcontext()
    with limited(), theirs:
        for line in code:
            shown = reader.page.run(line)
            assert set(shown.warned) <= {"ConvergenceWarning"}, f"{line}: {shown.text}"


def test_r_in_the_mclust_guide_runs(tmp_path: Path) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None or subprocess.run(
            [rscript, "-e", "library(mclust)"], capture_output=True, check=False).returncode:
        pytest.skip("R with mclust is not installed")
    page = ROOT / "docs/guides/from-mclust.md"
    lines = [*blocks(page, "r"), "pdf(NULL)", "set.seed(1)", *cells(page, "mclust")]
    script = tmp_path / "guide.R"
    script.write_text("\n".join(lines))
    done = subprocess.run([rscript, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# The article


def test_the_article_types_in_no_result() -> None:
    """Decimals stand in what is given (code, formulae, the two numbers), all else is computed."""
    text = re.sub(r"^```.*?^```$", "", EXPLAINED.read_text(), flags=re.M | re.S)
    text = re.sub(r"\{n\}`[^`]*`|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\([^()]*doi[^)]*\)", "", text,
                  flags=re.S)
    assert set(re.findall(r"\d+\.\d+", text)) == {"4.5"}


def test_the_articles_example_by_hand_is_right() -> None:
    """Its numbers, as the page shows them, from fifty digits and the formulae alone."""
    from mpmath import exp, log, mp, mpf

    reader = read(EXPLAINED)
    with mp.workdps(50):
        def height(x: float, mean: mpf) -> mpf:
            return exp(-(mpf(x) - mean) ** 2 / 2) / mp.sqrt(2 * mp.pi)

        x, weights, means = [3.0, 4.5], [mpf(1) / 2] * 2, [mpf(2), mpf(5)]

        def parts_of(value: float) -> list[mpf]:
            return [w * height(value, m) for w, m in zip(weights, means, strict=True)]

        shares = [[p / sum(parts_of(v)) for p in parts_of(v)] for v in x]
        before = sum(log(sum(parts_of(v))) for v in x)
        owned = [sum(row[k] for row in shares) for k in (0, 1)]
        means = [sum(row[k] * v for row, v in zip(shares, x, strict=True)) / owned[k]
                 for k in (0, 1)]
        weights = [n / 2 for n in owned]
        after = sum(log(sum(parts_of(v))) for v in x)
    expected = {
        "ra1:.4f": shares[0][0], "ra2:.4f": shares[0][1], "rb1:.4f": shares[1][0],
        "rb2:.4f": shares[1][1], "n1:.4f": owned[0], "w1:.4f": weights[0], "m1:.4f": means[0],
        "m2:.4f": means[1], "before:.4f": before, "after:.4f": after,
    }
    for name, value in expected.items():
        shown = reader.numbers[name]
        assert set(shown) == {f"{float(value):.4f}".replace("-", "−")}, name


def test_the_articles_example_by_hand_is_what_steps_yields() -> None:
    import emix

    named = read(EXPLAINED).page.names
    start = emix.Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
    steps = emix.steps([3.0, 4.5], start, sds=1.0)
    first, second = next(steps), next(steps)
    assert math.isclose(first.loglik, named["before"], rel_tol=1e-13)
    assert math.isclose(second.loglik, named["after"], rel_tol=1e-13)
    assert second.mixture.means[:, 0].tolist() == pytest.approx([named["m1"], named["m2"]], 1e-13)
    assert second.mixture.weights.tolist() == pytest.approx([named["w1"], named["w2"]], 1e-13)


# README


def test_readme_shows_what_its_first_command_prints(tmp_path: Path) -> None:
    readme = ROOT / "README.md"
    first = blocks(readme, "sh")[0]
    command = first[first.index("emix fit"):].strip()
    arguments = shlex.split(command.replace("waiting.png", str(tmp_path / "waiting.png")))[1:]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    shown = blocks(readme, "text")[0]
    assert shown in result.output
    assert (tmp_path / "waiting.png").stat().st_size > 10_000


def test_the_numbers_in_readme_are_the_codes_own() -> None:
    import emix

    fit = emix.fit(emix.datasets.load("faithful")["waiting"], 2)
    text = (ROOT / "README.md").read_text()
    means = ", ".join(f"{mean:.2f}" for mean in fit.mixture.means[:, 0])
    assert f"# {means}" in text
    galaxies = emix.fit(emix.datasets.load("galaxies")["velocity"], 4)
    assert f"−{-galaxies.loglik:.2f}" in text


def test_continuous_integration_runs_the_readmes_own_commands() -> None:
    """`.ci/run` reads the commands out of README, so they cannot part; both stand there alone."""
    commands = blocks(ROOT / "README.md", "sh")
    assert all(len(block.strip().splitlines()) == 1 for block in commands[:2])
    assert "pytest" in commands[1]
    assert "readme_command 1" in (ROOT / ".ci/run").read_text()
    assert "readme_command 2" in (ROOT / ".ci/run").read_text()


# The site


def test_the_reference_names_all_that_is_public() -> None:
    import emix

    text = "\n".join(page.read_text() for page in ROOT.glob("docs/reference/*.rst"))
    shown = set(re.findall(r"^\.\. auto\w+:: (?:emix\.)?(\w+)", text, re.M))
    assert set(emix.__all__) <= shown


def test_the_reference_shows_every_commands_help() -> None:
    assert "```{every-command}" in (ROOT / "docs/reference/command-line.md").read_text()
    page = Page("command-line")
    assert len(main.commands) > 5
    for name in main.commands:
        assert page.command(f"emix {name} --help").text.startswith(f"Usage: emix {name}")


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_assets_from_elsewhere_are_seen(tmp_path: Path) -> None:
    """The check that CI makes of the built site."""
    page = tmp_path / "page.html"
    page.write_text('<a href="https://doi.org/1">out</a><script src="_static/a.js"></script>'
                    '<link rel="canonical" href="https://here.org/"><img src="a.svg">')
    assert not list(outside(tmp_path))
    page.write_text('<script src="https://cdn.org/a.js"></script>'
                    '<link rel="stylesheet" href="//cdn.org/a.css"><img src="http://cdn.org/a.png">')
    (tmp_path / "a.css").write_text('@import "https://fonts.org/a"; p { color: url(//b.org/b) }')
    assert len(list(outside(tmp_path))) == 5
    assert "_site/offline.py" in (ROOT / ".ci/run").read_text()


def test_docstrings_are_made_ready() -> None:
    lines = """One sentence.

Parameters
----------
x, y : numbers (n,), see `fit`
    and more, *.csv
weights_ (k,) : as in `nowhere`

table    a value
         that goes on

Prose after all, doi:10.1000/abc(d).

>>> f(`x`)
""".splitlines()
    made = "\n".join(ready(lines, {"fit": "emix.fit"}))
    assert "**x**, **y**\n    numbers (n,), see :py:obj:`fit <emix.fit>`\n" in made
    assert "\n    and more, \\*.csv\n" in made
    assert "**weights_** (k,)\n    as in ``nowhere``" in made
    assert "**table**\n    a value\n    that goes on\n\nProse" in made
    assert "`doi:10.1000/abc(d) <https://doi.org/10.1000/abc(d)>`__." in made
    assert ">>> f(`x`)" in made
