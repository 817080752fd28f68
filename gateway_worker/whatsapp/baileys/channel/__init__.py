"""The socket to one bridge: frames, calls, and how they fail."""
