"""One column in a few thousand weighted points, whatever n is.

Points are counted into bins, and each bin becomes two weighted points that have its count, mean,
variance and third moment: the two-point Gauss rule for what the bin holds (Golub & Welsch 1969,
doi:10.1090/S0025-5718-69-99647-1). For any f the sum over the two differs from the sum over the
bin by its fourth derivative alone, so that the log-likelihood of a component of width σ is right
to (h / σ)⁴ / 4320 per point of a bin of width h.
"""

from emix.compression.bins import Bins
from emix.compression.gathering import gather, gather_stream
from emix.compression.grid import Grid
from emix.compression.record import Compression
from emix.compression.surrogate import Surrogate

__all__ = ["Bins", "Compression", "Grid", "Surrogate", "gather", "gather_stream"]
