"""What a backend may ask: the table of commands, and the model of each."""
