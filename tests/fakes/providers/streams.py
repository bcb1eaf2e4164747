"""Every stream there is: five providers, one of them twice, one with two endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.fakes.providers.forms import FORMS
from tests.fakes.providers.wires import WIRES
from tests.fakes.validators.decoding import decode_array, decode_events, decode_values

if TYPE_CHECKING:
    from tests.fakes.validators.frames import Json

    from streamproof.fakes.content import Answer
    from streamproof.fakes.providers.provider import Ask, Reply
    from streamproof.fakes.script import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream of one provider.

    Args:
        ask: reads a request with these fields besides.
        perform: makes a script's answer and the reply that says it.
        post: makes a whole HTTP request of a prompt, after which the connection ends.
        decode: reads the body by its standard.
        has_comments: whether its format has any.
    """

    name: str
    ask: Callable[[Json], Ask]
    perform: Callable[[Script], tuple[Answer, Reply]]
    post: Callable[[str], bytes]
    decode: Callable[[bytes], list[Any]]

    @property
    def has_comments(self) -> bool:
        return self.decode is decode_events


def _decoder(name: str) -> Callable[[bytes], list[Any]]:
    if name.startswith("ollama"):
        return decode_values
    return decode_array if name == "gemini array" else decode_events


STREAMS = (
    *(
        Stream(
            name=wire.name,
            ask=wire.ask,
            perform=wire.perform,
            post=partial(wire.post, close=True),
            decode=decode_events,
        )
        for wire in WIRES
    ),
    *(
        Stream(
            name=form.name,
            ask=form.ask,
            perform=form.perform,
            post=form.post,
            decode=_decoder(form.name),
        )
        for form in FORMS
        if form.is_stream
    ),
)
# What makes a whole HTTP request for an answer in one piece, by name.
WHOLES: dict[str, Callable[[str], bytes]] = {
    **{wire.name: partial(wire.post, stream=False, close=True) for wire in WIRES},
    **{form.name: form.post for form in FORMS if not form.is_stream},
}
