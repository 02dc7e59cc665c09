"""Data sets that come with emix: small, classic, and the same to the last bit everywhere.

Where each one comes from stands in `sources.toml`, and under what terms in `PROVENANCE.txt`, both
beside the CSV files.
"""

from __future__ import annotations

from emix.datasets.catalogue import Dataset, is_name, load, names

__all__ = ["Dataset", "is_name", "load", "names"]
