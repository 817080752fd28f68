"""One example of each event and answer; the contract's document shows them, and its tests use them."""
