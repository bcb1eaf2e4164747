"""Load tests and benchmarks.

Empty on purpose: importing locust patches sockets, so nobody does it by accident.
"""
