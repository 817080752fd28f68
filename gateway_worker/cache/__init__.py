"""Redis: routing, live QR codes, limits and worker status. All of it may vanish."""
