"""What is seen and what is recorded, in the words that expectations are made of."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sdks.cases import BY_NAME
from tests.sdks.wording import word_calls, word_seen

NOTHING = {
    "text": "",
    "text_pieces": 0,
    "thoughts": "",
    "refusal": "",
    "tools": [],
    "tool_pieces": 0,
    "stop": None,
    "usage": {},
    "error": None,
}
TEXT, USAGE, ERROR = BY_NAME["text"], BY_NAME["usage"], BY_NAME["error"]
RETRY = BY_NAME["retry"]


def call(
    *,
    status: int | None = 200,
    outcome: str | None = "completed",
    fault: str | None = None,
    peer: str | None = None,
    tokens: tuple[int, int, int] = (2, 2, 0),
    at: tuple[float, float] = (0.0, 0.0),
) -> dict[str, Any]:
    names = ("generated", "sent", "after_peer_gone")
    return {
        "status": status,
        "outcome": outcome,
        "fault": fault,
        "peer": peer,
        "tokens": dict(zip(names, tokens, strict=True)),
        "events": [{"at": at[0], "name": "accepted"}, {"at": at[1], "name": "ended"}],
    }


def test_a_client_that_was_told_nothing_saw_nothing() -> None:
    assert word_seen(NOTHING, TEXT) == "nothing"


def test_everything_that_was_told_is_worded_in_the_order_of_an_answer() -> None:
    seen = NOTHING | {
        "text": "a b",
        "text_pieces": 2,
        "thoughts": "hm",
        "refusal": "no",
        "tools": [["f", '{"a": 1}'], ["g", "{}"]],
        "tool_pieces": 3,
        "stop": "end_turn",
    }

    assert word_seen(seen, TEXT) == (
        'thinks "hm"; "a b" in 2 pieces; refuses "no"; '
        'calls f({"a": 1}) and g({}) in 3 pieces; ends with end_turn'
    )


def test_characters_that_cannot_be_seen_are_escaped() -> None:
    seen = NOTHING | {"text": '世 \u2028"\n', "text_pieces": 1}

    assert word_seen(seen, TEXT) == r'"世 \u2028\"\n"'


def test_counts_are_worded_where_the_case_scripts_them() -> None:
    seen = NOTHING | {"usage": {"thinking": 5, "input": 900}}

    assert word_seen(seen, TEXT) == "nothing"
    assert word_seen(seen, USAGE) == "counts 900 input, 5 thinking"
    assert word_seen(NOTHING, USAGE) == "no counts"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"type": "a.B", "message": "x"}, "raises a.B"),
        (
            {"type": "a.B", "cause": "c.D", "status": 429, "message": "it broke off"},
            'raises a.B 429 "broke off" from c.D',
        ),
        (
            {"type": "an error event", "message": "broke off", "raised": False},
            'is told an error event "broke off"',
        ),
    ],
)
def test_an_error_is_worded_with_what_a_program_could_tell_it_by(
    error: dict[str, Any], words: str
) -> None:
    assert word_seen(NOTHING | {"error": error}, ERROR) == words


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ([], "no call"),
        ([call()], "200 completed, 2 tokens"),
        ([call(outcome=None)], "200 still running, 2 tokens"),
        (
            [call(outcome="faulted", fault="drop")] * 3,
            "3 times 200 faulted (drop), 2 tokens",
        ),
        (
            [
                call(
                    status=None,
                    outcome="cancelled_before_headers",
                    peer="fin",
                    tokens=(3, 0, 1),
                ),
                call(),
            ],
            (
                "no status cancelled_before_headers (fin), 3 tokens made, 0 sent, "
                "1 after it had left; 200 completed, 2 tokens"
            ),
        ),
    ],
)
def test_calls_are_worded_with_their_outcome(
    calls: list[dict[str, Any]], words: str
) -> None:
    assert word_calls(calls, TEXT) == words


@pytest.mark.parametrize(
    ("second_at", "words"),
    [(2.18, "did not wait as told"), (2.2, "waited as told")],
)
def test_a_retry_is_timed_from_the_end_of_the_call_before(
    second_at: float, words: str
) -> None:
    calls = [call(at=(0.0, 1.0)), call(at=(second_at, 3.0))]

    assert word_calls(calls, RETRY).endswith(f"; {words}")


def test_a_client_that_asked_once_did_not_wait() -> None:
    assert word_calls([call()], RETRY) == "200 completed, 2 tokens"
