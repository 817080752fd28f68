"""What WhatsApp's server does."""
