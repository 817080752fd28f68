"""Any command as a form: from its JSON schema to fields, and from what was typed to its data."""
