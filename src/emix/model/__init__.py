"""What is learned and what is held: structure, held values, priors."""

from emix.model.model import FLOOR, Held, Model

__all__ = ["FLOOR", "Held", "Model"]
