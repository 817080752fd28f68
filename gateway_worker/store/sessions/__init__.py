"""Rows of sessions: who owns them, where they move."""
