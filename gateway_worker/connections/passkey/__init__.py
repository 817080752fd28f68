"""Linking an account that has a passkey: what a person's assertion must be, and the ceremony as its owner leads it."""
