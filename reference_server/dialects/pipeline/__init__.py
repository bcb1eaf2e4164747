"""Dialect `pipeline`: fourteen nodes, each a model call, told as state deltas."""
