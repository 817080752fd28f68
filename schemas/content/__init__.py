"""What messages and groups hold: as they arrive, as they are sent, and as they change."""
