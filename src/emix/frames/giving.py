"""Columns handed back in frames of the caller's own kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emix.frames.seeing import seen_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


def like(x: object, data: Mapping[str, NDArray[Any]]) -> Any:
    """Columns (n,) as a frame of the same kind as the frame or Series x, or None if x is neither.

    A pandas frame has the index of x.
    """
    seen = seen_of(x, "x")
    if seen is None:
        return None
    import narwhals.stable.v2 as nw

    made = nw.from_dict(dict(data), backend=seen.implementation)
    return _as_given(made, seen, x)


def column_like(x: object, name: str, values: NDArray[Any]) -> Any:
    """Values (n,) as a Series of the same kind as the frame or Series x, or None if x is neither.

    A pandas Series has the index of x.
    """
    seen = seen_of(x, "x")
    if seen is None:
        return None
    import narwhals.stable.v2 as nw

    made = nw.new_series(name, values, backend=seen.implementation)
    return _as_given(made, seen, x)


def beside(frame: Any, keys: Mapping[str, Any], data: Mapping[str, NDArray[Any]]) -> Any:
    """A new frame of the same kind as `frame`: columns `keys` (g,), cut from it as narwhals shows
    it, and beside them `data` (g,); a pandas frame counts its rows from 0."""
    import narwhals.stable.v2 as nw

    kind = next(iter(keys.values())).implementation
    made: Any = nw.from_dict(dict(data), backend=kind)
    if kind.is_pandas_like():
        native = made.to_native()
        for place, (name, key) in enumerate(keys.items()):
            # Without its index, by which pandas would lay rows beside each other.
            native.insert(place, name, key.to_native().array)
        return _in_kind(nw.from_native(native, eager_only=True), native, frame)
    made = made.with_columns(**keys).select(*keys, *data)
    return _in_kind(made, made.to_native(), frame)


def _as_given(made: Any, seen: Any, x: object) -> Any:
    native = made.to_native()
    if seen.implementation.is_pandas_like():
        native.index = seen.to_native().index
    return _in_kind(made, native, x)


def _in_kind(made: Any, native: Any, x: object) -> Any:
    """Who works with narwhals gets narwhals back."""
    import narwhals
    import narwhals.stable.v2 as nw

    if isinstance(x, nw.DataFrame | nw.Series):
        return made
    if isinstance(x, narwhals.DataFrame | narwhals.Series):
        return narwhals.from_native(native, allow_series=True)
    return native
