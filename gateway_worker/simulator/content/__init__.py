"""Between the contract's `content` and WhatsApp's `Message`: `reading` and `writing`, one entry per kind."""
