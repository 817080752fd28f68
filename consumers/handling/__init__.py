"""What commands of one topic do: a table of handlers each, which `handlers` puts together."""
