"""What arrives from WhatsApp, from a connection's facts to the writes that store and tell it."""
