"""Benchmarks against peers, each run as `python -m loadtests.benchmarks.<name>`."""
