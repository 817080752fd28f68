"""Time and tasks: the clock, pauses that grow, retries, cancellations that are not lost, and spans for traces."""
