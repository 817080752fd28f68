"""The pages, one module for each, and what they share."""
