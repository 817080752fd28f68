"""What is to be told, and how far it has been."""
