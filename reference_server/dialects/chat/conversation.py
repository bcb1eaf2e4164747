"""What was said in a session: two messages a turn, kept up to a bound.

Pure. A turn that ended early leaves what it had of its answer, and says that it is not
all; so what a model is told next is what its user has seen.
"""

from collections.abc import Sequence
from itertools import dropwhile
from typing import Literal, TypedDict

from ...models.provider import Message

Role = Literal["user", "assistant"]

# Some sixty thousand tokens, which models of today take.
_KEPT_CHARS = 256 * 1024
_TURN = 2
_INTERRUPTED = "[interrupted]"


class Said(TypedDict):
    """One message; `id` keeps apart what is said twice from what is kept twice."""

    id: str
    role: Role
    content: str
    partial: bool


def say(id: str, role: Role, content: str, *, partial: bool = False) -> Said:  # noqa: A002 -- as the member
    """Return a message."""
    return Said(id=id, role=role, content=content, partial=partial)


def make_turn(turn: str, message: str, answer: str, *, is_partial: bool) -> list[Said]:
    """Return a user's message and its answer, of which there may be only a part."""
    return [
        say(f"{turn}-user", "user", message),
        say(f"{turn}-assistant", "assistant", answer, partial=is_partial),
    ]


def merge(said: Sequence[Said], more: Sequence[Said]) -> list[Said]:
    """Return all of it in order, the newest that fit and the last turn anyway.

    A message that is there already takes the place of its older self: what is kept
    twice, by a save that was repeated, is said once.
    """
    by_id = {each["id"]: each for each in (*said, *more)}
    kept: list[Said] = []
    size = 0
    for each in reversed(by_id.values()):
        size += len(each["content"])
        if size > _KEPT_CHARS and len(kept) >= _TURN:
            break
        kept.append(each)
    return kept[::-1]


def tell(said: Sequence[Said]) -> list[Message]:
    """Return what a model is told of it; what is partial is marked.

    Services refuse messages without text, and a conversation that its user did not
    begin.
    """
    told = [Message(role=each["role"], content=_mark(each)) for each in said]
    not_empty = [message for message in told if message["content"].strip()]
    return list(dropwhile(lambda message: message["role"] != "user", not_empty))


def _mark(said: Said) -> str:
    if not said["partial"]:
        return said["content"]
    return f"{said['content']}\n\n{_INTERRUPTED}".lstrip()
