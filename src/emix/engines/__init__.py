"""Other people's engines, as far as they know nothing of mixtures: which collections are theirs,
in which parts those come, and how work is done on the parts."""
