"""How sure a fit is of its numbers: standard errors, intervals, tests."""
