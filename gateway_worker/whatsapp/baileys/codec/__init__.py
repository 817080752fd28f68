"""From the bridge's JSON to the port's words and back."""
