"""WhatsApp's wire protocol: nodes, Noise, Signal, pairing. Pure: bytes in, values and bytes out; no I/O, no clock."""
