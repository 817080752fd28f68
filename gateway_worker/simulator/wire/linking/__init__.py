"""How a companion is linked, as both sides write it: by QR code, by pairing code, with a passkey."""
