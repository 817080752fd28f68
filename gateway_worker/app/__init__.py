"""The composition root: builds the rooms, starts them in order, stops them in reverse. Only it knows all."""
