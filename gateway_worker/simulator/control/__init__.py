"""The control API (contract, section 9): people and their phones, messages, faults, figures (calls: README)."""
