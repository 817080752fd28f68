"""The contract with the world, pure: envelope, commands, events, errors, channels."""
