"""Streams: runs, their logs, and the responses that read them. No dialect."""
