"""What commands send, in the order of each chat, until its fate is certain."""
