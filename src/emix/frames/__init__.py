"""Data frames in and out, of whatever library; the one place that imports narwhals, when it must.

emix imports no frame library itself: it looks at a frame through narwhals, and hands back frames
of the caller's own kind.
"""

from emix.frames.cells import floats_of_objects, is_number, values_of
from emix.frames.giving import beside, column_like, like
from emix.frames.reading import points, rows_like
from emix.frames.refusing import refuse_text
from emix.frames.seeing import Frame, opened

__all__ = [
    "Frame", "beside", "column_like", "floats_of_objects", "is_number", "like", "opened", "points",
    "refuse_text", "rows_like", "values_of",
]
