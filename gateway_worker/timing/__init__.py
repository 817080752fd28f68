"""Time and tasks: the clock, pauses that grow, retries, and cancellations that are not lost."""
