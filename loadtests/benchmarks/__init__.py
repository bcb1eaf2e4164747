"""Benchmarks against peers, each one run by `make bench-<name>`."""
