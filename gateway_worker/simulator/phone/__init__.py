"""What a person's phone does."""
