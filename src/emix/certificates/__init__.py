"""How far a fit is from the best that any mixture can do."""
