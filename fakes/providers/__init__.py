"""Wire formats of real services: one package each.

A provider turns a request body into what is asked for, and the parts of a plan into
frames and bodies. It must not know sockets, clocks or scripts' timing.
"""
