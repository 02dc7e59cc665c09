"""From data to optima: starts, swaps, samples, climbs on everything."""
