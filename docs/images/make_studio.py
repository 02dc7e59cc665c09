"""Take the pictures of the studio again, beside this file: `python docs/images/make_studio.py`.

Each shows one state in light and dark, 1440 and 390 pixels wide. It needs emix with its extras
`studio` and `browser`, Chromium (or what CHROMIUM names), and Pillow.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parent
WIDE, PHONE = (1440, 900), (390, 900)
# What a wide picture is scaled to; a phone's is as high.
SHOWN = (896, 560)
GAP, GROUND = 10, "#8a9099"


def empty(page: Any) -> None:
    page.wait_for_selector("#empty:not([hidden])")


def bad_file(page: Any) -> None:
    page.set_input_files("#file", files=[{
        "name": "heights.csv", "mimeType": "text/csv", "buffer": b"height\n170\n182\n16O\n191\n"}])
    page.wait_for_selector("#error:not([hidden])")


def waiting(page: Any) -> None:
    page.get_by_role("button", name=re.compile("^faithful")).click()
    page.wait_for_selector("#work:not([hidden])")
    page.locator("#setting").evaluate("element => { element.open = innerWidth > 700; }")
    page.locator("#columns input").last.evaluate("element => element.click()")
    page.wait_for_selector(".dots circle")
    page.locator("#columns input").first.evaluate("element => element.click()")
    page.wait_for_selector(".rug line", state="attached")


def running(page: Any) -> None:
    waiting(page)
    for _ in range(3):
        page.locator("[data-act=iterate]").click()
        page.wait_for_timeout(200)
    page.locator("[data-panel=kmeans]").evaluate("element => { element.open = true; }")
    page.locator(".looking").focus()
    page.wait_for_selector("#near tbody tr")


def done(page: Any) -> None:
    waiting(page)
    page.locator("[data-panel=optima]").evaluate("element => { element.open = true; }")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Look").first.click()
    page.wait_for_selector("#sentence >> text=Optimum 1")


def pair(page: Any) -> None:
    waiting(page)
    page.locator("#columns input").first.evaluate("element => element.click()")
    page.wait_for_selector(".dots circle")
    page.locator("#more").evaluate("element => element.click()")
    page.wait_for_selector("#k >> text=3", state="attached")
    for _ in range(4):
        page.locator("[data-act=iterate]").click()
        page.wait_for_timeout(200)


STATES: tuple[Callable[[Any], None], ...] = (empty, bad_file, running, done, pair)


def main() -> None:
    command = [sys.executable, "-m", "emix.cli", "studio", "--no-open"]
    studio = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert studio.stdout is not None
    try:
        take_all(studio.stdout.readline().strip())
    finally:
        studio.terminate()
        studio.wait()


def take_all(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        entered = browser.new_context()
        entered.new_page().goto(address)
        for state in STATES:
            rows = [[taken(browser, entered.storage_state(), address.split("?")[0], state,
                           size, scheme) for size in (WIDE, PHONE)]
                    for scheme in ("light", "dark")]
            # Few colours and no dither: flat grounds compress well, hues stay what they are.
            sheet(rows).quantize(256, dither=Image.Dither.NONE).save(
                FOLDER / f"studio-{state.__name__.replace('_', '-')}.png", optimize=True)
        browser.close()


def taken(
    browser: Any, cookie: Any, place: str, state: Callable[[Any], None], size: tuple[int, int],
    scheme: str,
) -> Image.Image:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, storage_state=cookie,
        reduced_motion="reduce")
    page = context.new_page()
    page.goto(place)
    state(page)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.wait_for_timeout(300)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    share = SHOWN[1] / size[1]
    return picture.resize((round(size[0] * share), SHOWN[1]), Image.Resampling.LANCZOS)


def sheet(rows: list[list[Image.Image]]) -> Image.Image:
    """Light above dark, wide beside narrow."""
    width = sum(each.width + GAP for each in rows[0]) + GAP
    made = Image.new("RGB", (width, (SHOWN[1] + GAP) * len(rows) + GAP), GROUND)
    for i, row in enumerate(rows):
        x = GAP
        for each in row:
            made.paste(each, (x, GAP + i * (SHOWN[1] + GAP)))
            x += each.width + GAP
    return made


if __name__ == "__main__":
    main()
