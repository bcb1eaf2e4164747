"""Which targets are taken, and what they ask for."""

from __future__ import annotations

import pytest

from streamproof.reference_server.http1.target import (
    InvalidTargetError,
    Target,
    read_target,
)


@pytest.mark.parametrize(
    ("method", "target", "path", "authority"),
    [
        (b"GET", b"/healthz?a=b", b"/healthz?a=b", None),
        (b"GET", b"//two/slashes", b"//two/slashes", None),
        (b"GET", b"http://h/healthz", b"/healthz", b"h"),
        (b"GET", b"HTTPS://h:8000/a/b?c=d", b"/a/b?c=d", b"h:8000"),
        (b"GET", b"http://[::1]:80/x", b"/x", b"[::1]:80"),
        (b"GET", b"http://h", b"/", b"h"),
        (b"GET", b"http://h?q", b"/?q", b"h"),
        (b"GET", b"http://h//x", b"//x", b"h"),
        (b"OPTIONS", b"*", b"*", None),
        (b"OPTIONS", b"http://h:1", b"*", b"h:1"),
        (b"OPTIONS", b"http://h/", b"/", b"h"),
        (b"CONNECT", b"h:443", b"h:443", None),
    ],
)
def test_a_target_of_any_form_is_a_path(
    method: bytes, target: bytes, path: bytes, authority: bytes | None
) -> None:
    assert read_target(method, target) == Target(path=path, authority=authority)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"GET", b"healthz"),
        (b"GET", b"h:80"),
        (b"GET", b"*"),
        (b"GET", b"ftp://h/x"),
        (b"GET", b"http:///x"),
        (b"GET", b"http://:80/x"),
        (b"GET", b"http://user@h/x"),
        (b"GET", b"http://h/x#y"),
        (b"CONNECT", b"/x"),
        (b"CONNECT", b"h"),
        (b"CONNECT", b"http://h/"),
    ],
)
def test_what_is_no_target_of_its_method_is_refused(
    method: bytes, target: bytes
) -> None:
    with pytest.raises(InvalidTargetError):
        read_target(method, target)
