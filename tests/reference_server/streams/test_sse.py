"""Bytes of single blocks (rules OUT-01 to OUT-17)."""

import pytest

from streamproof.reference_server.streams.sse import comment, encode, with_retry


@pytest.mark.parametrize(
    ("data", "block"),
    [
        ("a", b"data: a\n\n"),
        ("a\nb", b"data: a\ndata: b\n\n"),
        ("a\rb", b"data: a\ndata: b\n\n"),
        ("a\r\nb", b"data: a\ndata: b\n\n"),
        ("a\n\rb", b"data: a\ndata: \ndata: b\n\n"),
        ("x\n\nevent: admin", b"data: x\ndata: \ndata: event: admin\n\n"),
        ("a\n", b"data: a\ndata: \n\n"),
        ("", b"data: \n\n"),
        (" a", b"data:  a\n\n"),
        ("a\u2028b\u0085\x0b\x0c\x1c", "data: a\u2028b\u0085\x0b\x0c\x1c\n\n".encode()),
        ("data: a", b"data: data: a\n\n"),
        ("\0", b"data: \0\n\n"),
        ("ü💥", b"data: \xc3\xbc\xf0\x9f\x92\xa5\n\n"),
    ],
)
def test_data_is_split_at_line_ends_and_nowhere_else(data: str, block: bytes) -> None:
    assert encode(data) == block


def test_fields_come_with_retry_first() -> None:
    block = encode("d", event="e", id="i-1", retry_ms=5)

    assert block == b"retry: 5\nevent: e\nid: i-1\ndata: d\n\n"


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "\r\n"])
def test_an_event_name_with_a_line_end_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected an event name"):
        encode("d", event=name)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_an_id_that_clients_would_ignore_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected an id"):
        encode("d", id=value)


def test_a_negative_retry_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a retry time"):
        encode("d", retry_ms=-1)


def test_every_line_of_a_comment_is_prefixed() -> None:
    assert comment("a\nb\rc") == b": a\n: b\n: c\n\n"


def test_retry_is_added_to_a_block_that_has_none() -> None:
    assert with_retry(b"id: 1\ndata: d\n\n", 7) == b"retry: 7\nid: 1\ndata: d\n\n"


def test_retry_of_a_block_is_kept() -> None:
    block = encode("d", retry_ms=9)

    assert with_retry(block, 7) == block
