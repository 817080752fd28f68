"""`make play`: a gateway with simulated phones, in a browser."""
