"""What every part of the connection manager stands on: its ports, its context, writing, waiting."""
