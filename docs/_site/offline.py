"""Whether a built site would ask anybody else for anything: `python docs/_site/offline.py SITE`.

Links lead out when they are followed; scripts, styles, fonts, pictures and frames are fetched as a
page is opened, and must come from the site itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src",
           "audio": "src", "embed": "src", "object": "data", "link": "href", "use": "href",
           "image": "href"}
# A link element that only says where else the page lies is not fetched.
SAID = {"canonical", "alternate", "author", "license", "next", "prev", "search", "index"}
ELSEWHERE = re.compile(r"(?:https?:)?//")
IN_STYLES = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:https?:)?//[^'\")\s]+)")


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        target = values.get(FETCHED.get(tag, ""), "")
        rel = set(values.get("rel", "").split())
        if ELSEWHERE.match(target) and not (rel and rel <= SAID):
            self.found.append(f"<{tag}> {target}")
        self.found += IN_STYLES.findall(values.get("style", ""))


def outside(site: Path) -> Iterator[str]:
    """What the files of a site would fetch from elsewhere, each with the file."""
    for file in sorted(site.rglob("*")):
        if file.suffix == ".html":
            text = file.read_text()
            page = Page()
            page.feed(text)
            yield from (f"{file}: {each}" for each in page.found)
        if file.suffix in (".html", ".css", ".svg"):
            yield from (f"{file}: {each}" for each in IN_STYLES.findall(file.read_text()))


if __name__ == "__main__":
    found = list(outside(Path(sys.argv[1])))
    print("\n".join(found) or "nothing is fetched from elsewhere")
    sys.exit(bool(found))
