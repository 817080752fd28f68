"""`make demo`: two sessions, from nothing to read receipts, before your eyes."""
