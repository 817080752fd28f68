"""Rows and locks of workers."""
