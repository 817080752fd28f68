"""The settings: their names, what each may be, and the addresses among them."""
