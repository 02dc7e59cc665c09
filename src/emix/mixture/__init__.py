"""A mixture as a value, and what can be asked of it."""

from emix.mixture.mixture import Mixture

__all__ = ["Mixture"]
