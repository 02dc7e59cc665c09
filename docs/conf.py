"""How Sphinx builds the site: `sphinx-build -W docs site`, without a network."""

import re
import sys
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from emix.version import __version__  # noqa: E402

project = "emix"
copyright = "the authors of emix, BSD 3-Clause"
version = release = __version__

extensions = [
    "myst_parser", "sphinx.ext.autodoc",
    "_site.docstrings", "_site.mathml", "_site.running",
]
exclude_patterns = ["_site", "images"]

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_double_inline = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 72
add_module_names = False

html_theme = "furo"
html_title = f"emix {__version__}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
smartquotes = False
html_show_sphinx = False
templates_path: list[str] = []


PATTERN = re.compile(r"^[a-z-]+\*$")


def leftovers(app, docname, source):
    """Pages that the index names but are not there are left out of it, and pages that it does not
    name are added, so that none is out of reach."""
    if docname != "index":
        return
    there = {path.stem for path in HERE.glob("*.md")}
    lines, found = [], {"index"}
    for line in source[0].splitlines():
        matching = {name for name in there if fnmatch(name, line)}
        if matching or not PATTERN.match(line):
            lines.append(line)
        found |= matching
    source[0] = "\n".join(lines).replace("<leftovers>", "\n".join(sorted(there - found)))


def setup(app):
    app.connect("source-read", leftovers)
