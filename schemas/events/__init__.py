"""What a backend learns: the table of events, and the model of each."""
