"""What the console has heard: events as they come, and what follows from them about workers, sessions and chats."""
