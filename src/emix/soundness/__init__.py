"""Whether each component is one: degenerate, coinciding, worth nothing."""
