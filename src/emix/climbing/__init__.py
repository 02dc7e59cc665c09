"""From a mixture to the top of its hill: EM, accelerated, polished, and what it costs."""
