"""Pages for people: a fit as one HTML file, and as a table in a notebook.

A page holds all it needs: no script, no font, no picture and no style from outside. What comes from
outside emix, such as the names of columns, goes through `markup.element`, which escapes it.
"""

from __future__ import annotations

from emix.reporting.notebook import (
    of_certificate,
    of_fit,
    of_fits,
    of_selection,
)
from emix.reporting.page import ENDINGS, page, write

__all__ = ["ENDINGS", "of_certificate", "of_fit", "of_fits", "of_selection", "page", "write"]
