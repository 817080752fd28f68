"""What is asked of groups."""
