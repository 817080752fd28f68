"""Files on their way out: fetched from where a command says, looked at, and made what WhatsApp's clients expect."""
