"""``gateway-worker doctor``: looks at whatever `run` will need, with the rights and in the place of a worker."""
