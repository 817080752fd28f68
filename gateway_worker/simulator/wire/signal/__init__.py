"""The Signal protocol: ratchets, sender keys, and a device that speaks it with others."""
