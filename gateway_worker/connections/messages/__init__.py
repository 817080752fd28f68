"""Stored messages, as they stand and as commands name them."""
