"""Questions that are answered from the rows."""
