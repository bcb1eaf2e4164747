"""Event streams of a model: the body's bytes in, the data of each finished event out.

Pure and incremental; the same result wherever the network cuts the bytes, inside a
character, a line end or the byte order mark too. It must not know what the data mean.
Types, ids and reconnection times have no reader here: the services whose streams we
read repeat in their data what they say in those fields.
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

"Streams must be decoded using the UTF-8 decode algorithm", whatever a `charset` says:
one byte order mark at the start is stripped, what is no UTF-8 becomes U+FFFD. Lines end
in LF, CR or CRLF, and a CR ends its line at once: an event whose last byte is a lone CR
does not wait for the byte after it.
"""

from .fault import broken

_BOM = b"\xef\xbb\xbf"


class EventStream:
    """Reads one body.

    Kept between calls are the lines of the event that is still open. A body that ends
    inside an event has not said it: "Once the end of the file is reached, any pending
    data must be discarded".

    Args:
        max_event_bytes: most bytes of an open event; one piece of the network may be
            held beyond them.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._line = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._is_first_line = True
        self._is_after_cr = False

    def feed(self, piece: bytes) -> list[str]:
        """Return the data of the events that end in this piece of the body.

        Raises:
            ModelError: an event is too long.
        """
        if self._is_after_cr and piece:
            piece = piece.removeprefix(b"\n")
            self._is_after_cr = False
        ended = []
        # `splitlines` of bytes knows CR, LF and CRLF, and no other line end.
        for part in piece.splitlines(keepends=True):
            self._line += part
            if part.endswith((b"\r", b"\n")):
                data = self._end_line()
                if data is not None:
                    ended.append(data)
        self._is_after_cr = self._is_after_cr or piece.endswith(b"\r")
        if len(self._line) + self._data_bytes > self._max_event_bytes:
            raise broken(f"expected an event of at most {self._max_event_bytes} bytes")
        return ended

    def _end_line(self) -> str | None:
        line = bytes(self._line).rstrip(b"\r\n")
        self._line.clear()
        if self._is_first_line:
            line = line.removeprefix(_BOM)
            self._is_first_line = False
        if not line:
            return self._end_event()
        name, _, value = line.partition(b":")
        if name == b"data":
            # "If value starts with a U+0020 SPACE character, remove it from value."
            self._data.append(value.removeprefix(b" "))
            self._data_bytes += len(line)
        return None

    def _end_event(self) -> str | None:
        if not self._data:
            return None
        data = b"\n".join(self._data).decode(errors="replace")
        self._data.clear()
        self._data_bytes = 0
        return data
