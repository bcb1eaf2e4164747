"""h11's connection as a server of its own pages needs it. Pure: bytes in, events out.

Three things h11 leaves to its user. A target may be a whole URL. Empty lines may stand
before a request. And what a client sends behind a whole request must not stop the
reading, because a socket that is not read does not tell that its client has left: a
bounded part is kept for the next turn, the rest is dropped.
"""

import re

import h11

from .target import InvalidTargetError, read_target

# Some hundred small requests. More is dropped, and the connection ends with the answer
# under way, since what would follow has a hole. Held beside it: what one read of the
# socket had behind the end of the request, 256 KiB at most.
_MAX_BEHIND_BYTES = 64 * 1024

# States in which h11 calls any byte an error, or has called one so already. The bytes
# of a client that must not say more are no reason to spoil its answer.
_DEAF = frozenset({h11.MUST_CLOSE, h11.CLOSED, h11.ERROR})
_EMPTY_LINES = re.compile(rb"(?:\r?\n)*")

_Received = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class ServerConnection(h11.Connection):
    """The server's end of one connection.

    Args:
        max_head_bytes: longest head of a request.
    """

    def __init__(self, max_head_bytes: int) -> None:
        super().__init__(h11.SERVER, max_head_bytes)
        self._has_dropped = False

    @property
    def has_dropped(self) -> bool:
        """Whether bytes are missing, so that no request can follow."""
        return self._has_dropped

    def receive_data(self, data: bytes) -> None:
        """Take bytes of the client; what comes too early only within a bound."""
        if self.their_state in {h11.IDLE, h11.SEND_BODY} or self._has_room_for(data):
            super().receive_data(data)
        else:
            self._has_dropped = True

    def next_event(self) -> _Received:
        """Return what the client said next; never PAUSED, see above.

        Raises:
            h11.RemoteProtocolError: it was no HTTP.
        """
        if self.their_state in _DEAF:
            return h11.NEED_DATA
        if self.their_state is h11.IDLE and not self._skip_empty_lines():
            return h11.NEED_DATA
        event = super().next_event()
        if event is h11.PAUSED:
            return h11.NEED_DATA
        return _with_path(event) if isinstance(event, h11.Request) else event

    def _has_room_for(self, data: bytes) -> bool:
        if self._has_dropped or self.their_state in _DEAF:
            return False
        return len(self._receive_buffer) + len(data) <= _MAX_BEHIND_BYTES

    def _skip_empty_lines(self) -> bool:
        """Skip them; False when the last of them may be cut in two.

        "a server that is expecting to receive and parse a request-line SHOULD ignore at
        least one empty line (CRLF) received prior to the request-line"
        https://www.rfc-editor.org/rfc/rfc9112#section-2.2
        """
        buffer = self._receive_buffer
        if not buffer.is_next_line_obviously_invalid_request_line():
            return True
        waiting = bytes(buffer)
        empty = _EMPTY_LINES.match(waiting)
        size = empty.end() if empty else 0
        buffer.maybe_extract_at_most(size)
        return waiting[size:] != b"\r"


def _with_path(request: h11.Request) -> h11.Request:
    try:
        target = read_target(request.method, request.target)
    except InvalidTargetError as error:
        raise h11.RemoteProtocolError(str(error)) from error
    if target.authority is None:
        return request
    # "the origin server MUST ignore the received Host header field (if any) and instead
    # use the host information of the request-target"
    # https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
    headers = [(n, v) for n, v in request.headers if n != b"host"]
    return h11.Request(
        method=request.method,
        target=target.path,
        headers=[(b"host", target.authority), *headers],
        http_version=request.http_version,
    )
