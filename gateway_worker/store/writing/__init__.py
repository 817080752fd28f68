"""Group commits: what is written together, in which order, under whose epoch."""
