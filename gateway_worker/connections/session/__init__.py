"""One owned session's life, and what bypasses the order of its chats."""
