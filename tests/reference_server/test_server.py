"""Where the server listens."""

from __future__ import annotations

import pytest

from streamproof.reference_server.refusals import SettingsError
from streamproof.reference_server.server import bind


@pytest.mark.parametrize(
    "host", ["nowhere.invalid", "203.0.113.1", "x" * 64, "caf\udce9", "2001:db8::1::"]
)
def test_an_address_that_is_not_ours_is_reported_as_the_host(host: str) -> None:
    with pytest.raises(SettingsError, match=r"^host: expected an address of this"):
        bind(host, 0)


def test_a_port_in_use_is_reported_as_the_port() -> None:
    with bind("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]

        with pytest.raises(SettingsError, match=rf"^port: expected a free .*:{port}:"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["", " ", "\t"])
def test_no_address_is_not_every_address(host: str) -> None:
    with pytest.raises(SettingsError, match=r"^host: expected an address .*, got none"):
        bind(host, 0)
