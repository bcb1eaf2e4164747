"""What is kept of what was said, and what a model is told of it."""

from typing import Literal

import pytest

from streamproof.reference_server.dialects.chat.conversation import (
    Said,
    make_turn,
    merge,
    say,
    tell,
)

BOUND = 256 * 1024


def turn(name: str, answer: str = "yes", *, is_partial: bool = False) -> list[Said]:
    return make_turn(name, f"is it {name}?", answer, is_partial=is_partial)


def test_a_turn_is_a_message_and_its_answer() -> None:
    assert turn("1") == [
        {"id": "1-user", "role": "user", "content": "is it 1?", "partial": False},
        {"id": "1-assistant", "role": "assistant", "content": "yes", "partial": False},
    ]


def test_an_answer_that_is_not_all_says_so() -> None:
    _, answer = turn("1", "ye", is_partial=True)

    assert answer["partial"]


def test_turns_follow_each_other() -> None:
    assert merge(turn("1"), turn("2")) == [*turn("1"), *turn("2")]


def test_what_is_kept_twice_is_said_once_and_the_later_one_counts() -> None:
    said = merge([*turn("1"), *turn("2", "ye", is_partial=True)], turn("3"))

    assert merge(said, turn("2", "yes")) == [*turn("1"), *turn("2"), *turn("3")]


def test_the_oldest_go_when_there_is_too_much() -> None:
    said: list[Said] = []
    for n in range(10):
        said = merge(said, turn(str(n), "x" * (BOUND // 4)))

    assert [each["id"] for each in said] == [
        *("7-user", "7-assistant", "8-user", "8-assistant"),
        *("9-user", "9-assistant"),
    ]


def test_exactly_as_much_as_fits_is_kept() -> None:
    first, second = say("1", "user", "x" * (BOUND - 8)), say("2", "user", "y" * 4)

    kept = merge([first, second], [say("3", "assistant", "z" * 4)])
    fewer = merge([first, second], [say("3", "assistant", "z" * 5)])

    assert [each["id"] for each in kept] == ["1", "2", "3"]
    assert [each["id"] for each in fewer] == ["2", "3"]


def test_the_last_turn_is_kept_whatever_its_size() -> None:
    said = merge(turn("1"), make_turn("2", "x" * BOUND * 4, "y", is_partial=False))

    assert [each["id"] for each in said] == ["2-user", "2-assistant"]


def test_a_model_is_told_roles_and_words() -> None:
    assert tell(turn("1")) == [
        {"role": "user", "content": "is it 1?"},
        {"role": "assistant", "content": "yes"},
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [("ye", "ye\n\n[interrupted]"), ("", "[interrupted]"), (" \n", "[interrupted]")],
)
def test_a_model_is_told_what_was_interrupted(answer: str, told: str) -> None:
    assert tell(turn("1", answer, is_partial=True))[1]["content"] == told


@pytest.mark.parametrize("content", ["", " \n"])
def test_a_model_is_not_told_what_is_empty(content: str) -> None:
    assert len(tell(turn("1", content))) == 1


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_a_conversation_begins_with_its_user(
    role: Literal["user", "assistant"],
) -> None:
    said = [say("0", "assistant", "hello"), say("1", role, "yes"), *turn("2")]

    assert tell(said)[0]["role"] == "user"
    assert len(tell(said)) == (3 if role == "user" else 2)
