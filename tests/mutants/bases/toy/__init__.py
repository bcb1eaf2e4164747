"""A small right server of a made-up protocol, whose profile lies beside it.

A reader watches a note being written, with citations, by one model call. It declares
what no other profile with a server declares: three credential forms, heartbeats that
carry a time, endpoints beside the stream. Here to be made wrong; nothing else uses it.
"""
