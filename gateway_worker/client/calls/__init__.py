"""The commands of one topic each, as methods; `gateway` puts them together."""
