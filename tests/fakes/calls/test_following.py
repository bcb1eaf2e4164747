"""`calls.following`: scripts for calls in the order in which they come."""

from __future__ import annotations

import pytest

from streamproof.fakes.calls.following import MAX_FOLLOWING, Following
from streamproof.fakes.errors import ScriptError
from streamproof.fakes.script import Say, Script

A, B, C = (Script(say=(Say(text=text),)) for text in "abc")


def test_without_scripts_there_is_none_to_follow() -> None:
    assert Following().follow() is None


def test_scripts_are_followed_in_order_and_the_last_stays() -> None:
    following = Following()
    following.add([A, B], 9)
    followed = [following.follow() for _ in range(4)]

    assert followed == [(0, A), (1, B), (1, B), (1, B)]
    assert following.left == 0


def test_a_script_that_is_added_later_is_next_at_once() -> None:
    following = Following()
    following.add([A], 9)
    before = [following.follow(), following.follow()]
    following.add([B], 9)
    following.add([C], 9)

    assert before == [(0, A), (0, A)]
    assert following.left == 2
    assert [following.follow() for _ in range(3)] == [(1, B), (2, C), (2, C)]
    assert following.size == 27


def test_there_are_only_so_many() -> None:
    following = Following()
    following.add([A] * MAX_FOLLOWING, 9)
    with pytest.raises(ScriptError, match=f"at most {MAX_FOLLOWING} scripts"):
        following.add([B], 9)

    assert following.left == MAX_FOLLOWING
