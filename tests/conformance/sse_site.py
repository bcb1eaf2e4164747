"""A tiny event-stream server and its profile: enough to run the suite end to end."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

PROFILE = """
name = "tiny"
title = "Three events"
source = "by hand"
endpoint = { path = "/stream" }
framing = { data = "text", type = { location = "event-field" } }
terminal = { form = "eof" }
"""


class Stream(BaseHTTPRequestHandler):
    """Answers every GET with three events."""

    media_type = "text/event-stream"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"data: one\n\ndata: two\n\ndata: three\n\n"
        self.send_response(200)
        self.send_header("Content-Type", self.media_type)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- theirs
        pass


@contextmanager
def serving(media_type: str = "text/event-stream") -> Iterator[str]:
    """Serve on a free port; yield the base URL."""
    handler = type("Given", (Stream,), {"media_type": media_type})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
