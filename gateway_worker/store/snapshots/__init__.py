"""Identities, sealed for the sessions bucket and restored from there."""
