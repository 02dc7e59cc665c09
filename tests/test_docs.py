"""What the documentation says is what happens: snippets run, commands succeed, links lead on."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from emix.cli import main

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


def snippets() -> list[tuple[str, str]]:
    """A page's Python blocks, one after the other as a reader would run them."""
    return [(p.name, "\n".join(blocks(p, "python"))) for p in PAGES if blocks(p, "python")]


def emix_commands() -> list[str]:
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("emix ")]


@pytest.mark.parametrize(("page", "code"), snippets(), ids=lambda v: v[:20])
def test_python_in_pages_runs(page: str, code: str) -> None:
    exec(compile(code, page, "exec"), {})


@pytest.mark.parametrize("command", emix_commands())
def test_commands_in_pages_succeed(command: str) -> None:
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output


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


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
