"""The right servers that mutants make wrong, one for each protocol."""
