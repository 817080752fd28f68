"""Encryption keys are exchanged here: whatever an older one has sealed is sealed with the first."""
