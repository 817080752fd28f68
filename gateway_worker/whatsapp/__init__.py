"""The port to WhatsApp (pure types and protocols) and its adapter, the Baileys bridge."""
