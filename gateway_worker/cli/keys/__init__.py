"""``gateway-worker keys``: encryption keys, exchanged while workers run."""
