"""Who is who: addresses, spellings, names."""
