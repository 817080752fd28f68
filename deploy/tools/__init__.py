"""What the Makefile calls: checks, tests, locks, generated constants, the wheel."""
