"""The bridge as a process: where it is installed, what it is started with, how it is kept running."""
