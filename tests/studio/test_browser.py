"""The page in a real Chromium: dropped, stepped, dragged, played, exported; by mouse and by keys.

Needs the extra `browser` (Playwright) and a Chromium, `apt-get install chromium` or the one that
CHROMIUM names; the checks of accessibility need axe-core, `npm install --no-save axe-core` in this
folder. What is missing is the reason that is given for skipping.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from click.testing import CliRunner

import emix
from emix.cli import main

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
CHROMIUM = next((found for found in (os.environ.get("CHROMIUM"), shutil.which("chromium"),
                                     shutil.which("chromium-browser")) if found), None)
if CHROMIUM is None:
    pytest.skip("there is no Chromium to look with", allow_module_level=True)
REPAINTS = (Path(__file__).parent / "repaints.js").read_text()
AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-quic"]
FAITHFUL = Path(emix.__file__).parent / "datasets/faithful.csv"
NUMBERS = "#components td[data-value] .held"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    here = str(Path(emix.__file__).parent.parent)
    running = subprocess.Popen(
        [sys.executable, "-m", "emix.cli", "studio", "--no-open"], stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": here}, text=True)
    assert running.stdout is not None
    yield running.stdout.readline().strip()
    running.terminate()
    running.communicate(timeout=20)


@pytest.fixture(scope="module")
def entered(address: str) -> Iterator[tuple[Any, str, Any]]:
    """A browser, the studio's address without its token, and the cookie that this left."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context()
        context.new_page().goto(address)
        yield browser, address.split("?")[0], context.storage_state()
        browser.close()


Look = Callable[..., Any]


@pytest.fixture
def look(entered: tuple[Any, str, Any]) -> Iterator[Look]:
    """A page on the studio; whatever it asks of another host, or logs as an error, fails the test.

    Motion is reduced unless told otherwise, so that what is seen at once is what there is."""
    browser, place, cookie = entered
    asked: list[str] = []
    errors: list[str] = []
    contexts = []

    def look(width: int = 1440, **options: Any) -> Any:
        options = {"reduced_motion": "reduce", "accept_downloads": True} | options
        context = browser.new_context(viewport={"width": width, "height": 900},
                                      storage_state=cookie, **options)
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" and
                "status of 4" not in said.text else None)
        page.goto(place)
        page.wait_for_selector("#empty:not([hidden])")
        return page

    yield look
    for context in contexts:
        context.close()
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(place).netloc}
    assert errors == []


def drop(page: Any, name: str, content: str) -> None:
    """A file let fall on the page."""
    transfer = page.evaluate_handle(
        """([name, content]) => { const carried = new DataTransfer();
        carried.items.add(new File([content], name, {type: "text/csv"})); return carried; }""",
        [name, content])
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})


def on_waiting(page: Any) -> Any:
    drop(page, "faithful.csv", FAITHFUL.read_text())
    page.wait_for_selector("#work:not([hidden])")
    page.locator("#setting").evaluate("element => { element.open = true; }")
    column(page, "waiting")
    column(page, "eruptions")
    sync_api.expect(page.locator("#columns input:checked")).to_have_count(1)
    page.wait_for_selector(".axis .name >> text=waiting")
    # With both columns the page has that name too; their table names them.
    sync_api.expect(page.locator("#components")).not_to_contain_text("eruptions")
    return page


def column(page: Any, name: str) -> None:
    page.locator(".chip", has_text=name).click()


def do(page: Any, act: str, iteration: int) -> None:
    page.locator(f"[data-act={act}]").click()
    wait_for(page, iteration)


def wait_for(page: Any, iteration: int) -> None:
    sync_api.expect(page.locator("#iteration")).to_have_text(str(iteration))


def until(page: Any, holds: Callable[[], bool]) -> None:
    """What `wait_for_function` does, which the page's own policy does not let evaluate text."""
    for _ in range(200):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come about within ten seconds")


def shown(page: Any) -> list[str]:
    """Weight, mean and standard deviation of each component, as they stand in the table."""
    return [text.strip() for text in page.locator(NUMBERS).all_inner_texts()]


def as_shown(mixture: emix.Mixture) -> list[str]:
    rows = zip(mixture.weights, mixture.means[:, 0], mixture.sds, strict=True)
    return [f"{value:.6g}".replace("-", "−") for row in rows for value in row]


def loglik(page: Any) -> str:
    return str(page.locator("#loglik").inner_text())


def start_of(page: Any) -> emix.Mixture:
    values = page.locator("#components td[data-value]").evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.value))")
    weights, means, sds = np.reshape(values, (-1, 3)).T
    return emix.Mixture.univariate(weights, means, sds)


def steps_of(start: emix.Mixture, n: int) -> Any:
    waiting = emix.datasets.load("faithful")["waiting"]
    return next(islice(emix.steps(waiting, start), n, None))


def test_five_steps_show_the_numbers_of_the_library(look: Look) -> None:
    page = on_waiting(look())
    start = start_of(page)
    assert len(start.weights) == 2 and shown(page) == as_shown(start)
    for n in range(1, 6):
        do(page, "iterate", n)
        step = steps_of(start, n)
        assert shown(page) == as_shown(step.mixture)
        assert loglik(page) == f"{step.loglik:.6f}".replace("-", "−")


def test_the_halves_of_a_step_and_back(look: Look) -> None:
    page = on_waiting(look())
    start = shown(page)
    assert page.locator(".bar.unseen").count() == 1
    page.locator("[data-act=expect]").click()
    page.wait_for_selector(".bar.hue-1")
    do(page, "maximise", 1)
    assert shown(page) != start and "next E-step" in loglik(page)
    do(page, "back", 0)
    do(page, "back", 0)
    page.wait_for_selector(".bar.unseen")
    assert shown(page) == start


def test_a_mean_is_dragged_and_played_to_the_end_beside_kmeans(look: Look) -> None:
    page = on_waiting(look())
    knob = page.locator("[data-component='0']")
    box, before = knob.bounding_box(), start_of(page).means[0, 0]
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y, steps=2)
    page.mouse.move(x + 60, y, steps=3)
    page.mouse.up()
    until(page, lambda: start_of(page).means[0, 0] > before + 4)
    page.locator("[data-panel=kmeans] summary").click()
    page.wait_for_selector(".kmeans line", state="attached")
    page.select_option("#pace", "fast")
    page.locator("#play").click()
    page.wait_for_selector("#sentence >> text=Nothing moves any more")
    page.wait_for_selector("#play >> text=Play")
    best = emix.fit(emix.datasets.load("faithful")["waiting"], 2)
    assert float(loglik(page).replace("−", "-")) == pytest.approx(best.loglik, abs=1e-5)
    comparison = best.compare_kmeans(emix.datasets.load("faithful")["waiting"])
    beside = page.locator("[data-panel=kmeans] .body").inner_text()
    assert all(f"{centre:.5g}" in beside for centre in comparison.centres)
    assert f"disagree on {len(comparison.disagree)} of 272" in beside


def test_the_exported_command_gives_what_is_seen(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = on_waiting(look())
    page.locator("[data-component='1']").focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_selector("#sentence >> text=Start")
    do(page, "iterate", 1)
    do(page, "iterate", 2)
    page.locator("[data-panel=export] summary").click()
    command = page.locator("#command").inner_text()
    assert command.endswith("-n 2")
    monkeypatch.chdir(tmp_path)
    shutil.copy(FAITHFUL, tmp_path / "faithful.csv")
    result = CliRunner().invoke(main, [*shlex.split(command)[1:], "--json"])
    last = json.loads(result.stdout.splitlines()[-1])
    assert as_shown(emix.Mixture.from_dict(last["mixture"])) == shown(page)
    assert f"{last['loglik']:.6f}".replace("-", "−") == loglik(page)


def test_files_are_exported(look: Look, tmp_path: Path) -> None:
    page = on_waiting(look())
    do(page, "iterate", 1)
    page.locator("[data-panel=export] summary").click()
    found = {}
    for words in ("Model (JSON)", "Responsibilities (CSV)", "Picture (SVG)", "Picture (PNG)"):
        with page.expect_download() as waiting:
            page.get_by_text(words).click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        found[path.name] = path
    assert set(found) == {"model.json", "responsibilities.csv", "emix.svg", "emix.png"}
    assert as_shown(emix.load(found["model.json"])) == shown(page)
    assert len(found["responsibilities.csv"].read_text().splitlines()) == 273
    assert found["emix.svg"].read_text().startswith("<svg") and \
        "waiting" in found["emix.svg"].read_text()
    assert found["emix.png"].read_bytes()[:4] == b"\x89PNG"


def test_a_wrong_file_is_named_with_line_and_column(look: Look) -> None:
    page = look()
    drop(page, "bad.csv", "waiting\n79\n54\nabc\n")
    page.wait_for_selector("#error:not([hidden])")
    assert "bad.csv:4:1: column 'waiting': 'abc' is not a number" in \
        page.locator("#error").inner_text()
    page.get_by_role("button", name="Close this message").click()
    assert page.locator("#error").is_hidden()


def test_a_lock_holds_a_value_that_can_be_edited(look: Look) -> None:
    page = on_waiting(look())
    page.get_by_role("button", name="Hold mean 1").click()
    field = page.get_by_role("textbox", name="mean 1")
    field.fill("55.5")
    field.press("Enter")
    page.wait_for_selector("#model >> text=μ held at (55.5, learned)")
    field = page.get_by_role("textbox", name="mean 1")
    field.fill("much")
    field.press("Enter")
    page.wait_for_selector("#error >> text=must be a number")
    do(page, "iterate", 1)
    assert page.get_by_role("textbox", name="mean 1").input_value() == "55.5"
    page.get_by_role("button", name="Hold mean 1").click()
    sync_api.expect(page.locator("#components input")).to_have_count(0)


def test_many_starts_the_choice_of_k_and_a_certificate(look: Look) -> None:
    page = on_waiting(look())
    waiting = emix.datasets.load("faithful")["waiting"]
    page.locator("[data-panel=select] summary").click()
    page.get_by_text("every structure").click()
    page.locator("[data-panel=select] .primary").click()
    page.get_by_role("button", name=re.compile("Take E with 2 components.*the best")).click()
    page.wait_for_selector("#model >> text=one standard deviation for all")
    page.locator("[data-panel=optima] summary").click()
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Look").first.click()
    fit = emix.fit(waiting, 2, covariance="E")
    page.wait_for_selector(f"#loglik >> text={fit.loglik:.6f}".replace("-", "−"))
    page.locator("[data-panel=certificate] summary").click()
    page.locator("[data-panel=certificate] .primary").click()
    certificate = emix.certify(waiting, fit)
    page.wait_for_selector(f"[data-panel=certificate] .lead >> text={certificate.gap:.4g} nats")


def test_everything_is_reached_and_done_by_keys(look: Look) -> None:
    page = look()
    reached = set()
    page.keyboard.press("Tab")
    for _ in range(40):
        if page.evaluate("document.activeElement.innerText || ''").startswith("faithful"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#work:not([hidden])")
    page.evaluate("document.activeElement.blur()")
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(
            """() => { const e = document.activeElement; return e.getAttribute('aria-label')
            || e.tagName === "SELECT" && e.id || e.innerText || e.value || e.tagName; }""").strip())
    must = {"Reset", "Back", "Step E", "Step M", "Step", "Play", "pace", "structure", "kind",
            "Draw again", "One component more", "One component fewer", "Mean of component 1",
            "Mean of component 2", "Where to look", "Hold weight 1", "Hold mean 2",
            "Hold standard deviation 2", "eruptions", "waiting", "Open other data", "Dark",
            "K-Means beside it", "Many starts, and their optima", "How many components",
            "How far from the best", "Export"}
    assert must <= reached, must - reached
    before = shown(page)
    page.locator("[data-component='0']").focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: shown(page)[0] == before[0] and shown(page)[1] != before[1])
    page.locator(".looking").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#near tbody tr")
    page.locator("[data-act=iterate]").focus()
    page.keyboard.press("Enter")
    wait_for(page, 1)
    page.locator("#play").focus()
    page.keyboard.press("Space")
    page.wait_for_selector("#play >> text=Pause")
    page.keyboard.press("Space")
    page.wait_for_selector("#play >> text=Play")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_no_serious_barrier_in_any_state(look: Look, scheme: str, width: int) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm install --no-save axe-core, in tests/studio")
    page = look(width, color_scheme=scheme)
    # By the debugger, since the page's own policy lets no other script in.
    page.evaluate(AXE.read_text() + "; undefined")
    found: dict[str, list[str]] = {}

    def check(state: str) -> None:
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        barriers = [each for each in result["violations"]
                    if each["impact"] in ("serious", "critical")]
        found[state] = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in barriers]

    check("empty")
    drop(page, "bad.csv", "waiting\n79\nabc\n")
    page.wait_for_selector("#error:not([hidden])")
    check("bad file")
    on_waiting(page)
    check("start")
    do(page, "iterate", 1)
    page.get_by_role("button", name="Hold mean 1").click()
    page.locator(".looking").focus()
    page.wait_for_selector("#near tbody tr")
    for panel in ("kmeans", "optima", "select", "certificate", "export"):
        page.locator(f"[data-panel={panel}] summary").click()
        if panel in ("optima", "select", "certificate"):
            page.locator(f"[data-panel={panel}] .primary").click()
            page.wait_for_selector(f"[data-panel={panel}] :is(td, .lead)")
        else:
            page.wait_for_selector(f"[data-panel={panel}] :is(td, pre)")
        check(panel)
    column(page, "eruptions")
    page.wait_for_selector(".dots circle")
    check("pair")
    assert found == {state: [] for state in found}


@pytest.mark.parametrize("width", [320, 390, 900, 1440])
def test_nothing_is_wider_than_the_page(look: Look, width: int) -> None:
    page = look(width)
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) == 0
    on_waiting(page)
    do(page, "iterate", 1)
    assert page.evaluate(wider) == 0
    column(page, "eruptions")
    page.wait_for_selector(".dots circle")
    assert page.evaluate(wider) == 0


def test_a_million_rows_stay_fluid(look: Look, tmp_path: Path) -> None:
    """What a step takes until it is painted is claimed by `benchmarks/studio.py`; here only that
    it is nothing to wait for."""
    page = look()
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(0, 1, 600_000), random.normal(4, 1.5, 400_000)])
    file = tmp_path / "million.csv"
    file.write_text("x\n" + "\n".join(map(repr, values.round(3).tolist())) + "\n")
    page.set_input_files("#file", file)
    page.wait_for_selector("#work:not([hidden])", timeout=60_000)
    assert "1\u2009000\u2009000 rows" in page.locator("#title").inner_text()
    taken = page.evaluate(REPAINTS, 9)
    assert statistics.median(taken) < 1000
    assert page.evaluate("document.querySelectorAll('#picture *').length") < 500
