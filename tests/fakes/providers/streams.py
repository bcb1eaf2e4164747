"""Every stream there is: five providers, one of them twice, one with two endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.providers.forms import FORMS
from tests.fakes.providers.wires import WIRES
from tests.fakes.validators.decoding import decode_array, decode_events, decode_values

if TYPE_CHECKING:
    from fakes.content import Answer
    from fakes.providers.provider import Reply
    from fakes.script import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream of one provider.

    Args:
        perform: makes a script's answer and the reply that says it.
        post: makes a whole HTTP request of a prompt, after which the connection ends.
        decode: reads the body by its standard.
        has_comments: whether its format has any.
    """

    name: str
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
            perform=wire.perform,
            post=lambda prompt, wire=wire: wire.post(prompt, close=True),
            decode=decode_events,
        )
        for wire in WIRES
    ),
    *(
        Stream(
            name=form.name,
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
    **{
        wire.name: lambda prompt, wire=wire: wire.post(prompt, stream=False, close=True)
        for wire in WIRES
    },
    **{form.name: form.post for form in FORMS if not form.is_stream},
}
