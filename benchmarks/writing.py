"""Text put into a page of the documentation, between the markers that name it."""

from __future__ import annotations

import re
from pathlib import Path


def written(page: Path, name: str, text: str) -> None:
    """Between `<!-- name -->` and `<!-- /name -->`, in place of what is there."""
    before = page.read_text()
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    after, count = pattern.subn(lambda found: f"{found[1]}{text.strip()}\n{found[2]}", before)
    if count != 1:
        raise SystemExit(f"{page} has {count} places for {name}; expected one, between "
                         f"<!-- {name} --> and <!-- /{name} -->")
    page.write_text(after)
