"""Where a session stands, and why."""
