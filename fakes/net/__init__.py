"""Connections of the fakes: sockets, HTTP/1 on the wire, and timers."""
