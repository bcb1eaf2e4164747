"""Wire formats of real services: one module each, nothing shared but the seam.

A provider module turns a request body into its `parse_request` result and a plan's
parts into frames. It must not know sockets, clocks or scripts' timing.
"""
