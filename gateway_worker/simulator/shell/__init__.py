"""Sockets, clocks, files and certificates around the pure core."""
