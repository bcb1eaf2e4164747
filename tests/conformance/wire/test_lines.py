"""Lines and how they end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamproof.conformance.wire.lines import (
    Line,
    Terminator,
    Terminators,
    split_lines,
)


def test_the_three_line_ends_and_a_tail_are_told_apart() -> None:
    assert split_lines(b"a\nb\rc\r\n\r\rd") == (
        Line(start=0, end=2, terminator=Terminator.LF),
        Line(start=2, end=4, terminator=Terminator.CR),
        Line(start=4, end=7, terminator=Terminator.CRLF),
        Line(start=7, end=8, terminator=Terminator.CR),
        Line(start=8, end=9, terminator=Terminator.CR),
        Line(start=9, end=10, terminator=None),
    )


def test_an_empty_body_has_no_lines() -> None:
    assert split_lines(b"") == ()


def test_no_other_byte_ends_a_line() -> None:
    body = bytes(byte for byte in range(256) if byte not in b"\r\n")

    assert split_lines(body) == (Line(start=0, end=254, terminator=None),)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\x0b\x1c"])).map(b"".join))
def test_lines_cover_the_body_without_gap(body: bytes) -> None:
    lines = split_lines(body)

    assert b"".join(body[line.start : line.end] for line in lines) == body


def test_kinds_are_the_terminators_that_occur() -> None:
    assert Terminators(lf=2, crlf=1).kinds == {Terminator.LF, Terminator.CRLF}
    assert Terminators().kinds == frozenset()
