"""A WhatsApp server and its phones on loopback, speaking the real wire protocol. Imports nothing of ours."""
