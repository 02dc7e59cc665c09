"""The version of emix, which files remember."""

__version__ = "0.1.0"
