"""Load tests and benchmarks.

Empty on purpose: importing locust patches sockets, so only a module that needs it does.
"""
