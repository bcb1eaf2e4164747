"""Dialects: one folder each, with all that is particular to one protocol."""
