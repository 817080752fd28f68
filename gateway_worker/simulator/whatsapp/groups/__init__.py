"""Groups as WhatsApp's server keeps them: who is in them, what they ask of it, what becomes of their messages."""
