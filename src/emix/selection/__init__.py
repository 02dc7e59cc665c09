"""How many components, of which structure."""
