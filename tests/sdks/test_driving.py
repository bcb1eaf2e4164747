"""What all drivers share, without an SDK."""

from __future__ import annotations

import pytest
from tests.sdks.drivers.driving import Seen, described, kept


def test_text_is_counted_in_the_pieces_that_hold_any() -> None:
    seen = Seen()
    for piece in ("a ", "", None, "b"):
        seen.add_text(piece)

    assert (seen.text, seen.text_pieces) == ("a b", 2)


def test_the_pieces_of_parallel_calls_are_put_together_by_position() -> None:
    seen = Seen()
    seen.open_tool("f")
    seen.open_tool("g")
    for position, piece in ((0, "{"), (1, "{}"), (0, "}"), (0, ""), (1, None)):
        seen.extend_tool(position, piece)

    assert seen.tools == [("f", "{}"), ("g", "{}")]
    assert seen.tool_pieces == 3


def test_arguments_that_an_sdk_has_parsed_are_written_as_json() -> None:
    seen = Seen()
    seen.add_tool("f", {"city": "Rome"})
    seen.add_tool("g", "{}")

    assert seen.tools == [("f", '{"city": "Rome"}'), ("g", "{}")]


def test_counts_that_are_not_told_do_not_replace_those_that_were() -> None:
    seen = Seen()
    seen.count(input=3, output=None)
    seen.count(input=None, output=2)

    assert seen.usage == {"input": 3, "output": 2}


def test_an_error_is_described_with_its_direct_cause() -> None:
    error = ValueError("broke off")
    error.__cause__ = KeyError("why")

    assert described(error) == {
        "type": "ValueError",
        "cause": "KeyError",
        "status": None,
        "message": "broke off",
    }


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [("status_code", 429, 429), ("code", 503, 503), ("code", "too_many", None)],
)
def test_a_status_is_a_number_whatever_the_sdk_calls_it(
    name: str, value: object, status: int | None
) -> None:
    error = RuntimeError()
    setattr(error, name, value)

    assert described(error)["status"] == status


def test_a_client_is_made_once_for_each_timeout() -> None:
    made: list[float] = []

    @kept
    def client(timeout_s: float) -> object:
        made.append(timeout_s)
        return object()

    assert client(1) is client(1)
    assert client(1) is not client(2)
    assert made == [1, 2]
