"""What the site needs beyond Sphinx: pages that run, formulae as MathML, docstrings as written."""
