"""The contract's document, made from the models."""
