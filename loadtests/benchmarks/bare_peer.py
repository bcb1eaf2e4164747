"""A listener that does nothing but see its peers leave: what the kernel alone takes.

One connection at a time. Bytes come back as they were sent, so that a client that
leaves knows that this process waits for it; a lone `?` is answered with the moment at
which the peer before was gone, seconds of the monotonic clock.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Literal

__all__ = ["ASK", "leave", "time_leaving_ms"]

ASK = b"?"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger {on, 0 s}, socket(7)


def leave(peer: socket.socket, how: Literal["fin", "rst"]) -> float:
    """Close a socket in one of two ways, and return when that began."""
    if how == "rst":
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    left_at = time.monotonic()
    peer.close()
    return left_at


def time_leaving_ms(address: tuple[str, int], how: Literal["fin", "rst"]) -> float:
    """Leave such a listener, and return how long it took to see that."""
    peer = socket.create_connection(address)
    peer.sendall(b"hi")
    peer.recv(16)
    left_at = leave(peer, how)
    with socket.create_connection(address) as asking:
        asking.sendall(ASK)
        return (float(asking.recv(64)) - left_at) * 1000


def main() -> None:
    """Listen on a free port until stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        print(f"listening on http://{host}:{port}", flush=True)
        gone_at = 0.0
        while True:
            peer, _ = listener.accept()
            with peer:
                gone_at = _see_off(peer, gone_at)


def _see_off(peer: socket.socket, gone_at: float) -> float:
    """Serve one peer; return when it, or the one it asked about, was gone."""
    try:
        while data := peer.recv(64):
            if data == ASK:
                peer.sendall(repr(gone_at).encode())
                return gone_at
            peer.sendall(data)
    except ConnectionResetError:
        pass
    return time.monotonic()


if __name__ == "__main__":
    main()
