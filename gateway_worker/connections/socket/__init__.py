"""A session's connection to WhatsApp."""
