"""What a chat or generate request asks for, read as strictly as the service reads it.

Unknown fields are taken, wrong types are refused; a stream is the default.
Must not know how it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import RequestError
from ..complaints import Items, read
from ..encoding import words_in

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from ..provider import Received

__all__ = ["LineRequest", "parse_request"]

CHAT_PATH: Final = "/api/chat"


class _Tolerant(BaseModel):
    """The real service takes fields it does not know; wrong types it refuses."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Message(_Tolerant):
    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""


class _Options(_Tolerant):
    # Below zero there is no limit.
    num_predict: int | None = None
    temperature: float | None = None


class _Body(_Tolerant):
    # Names are kept in the journal, so they cannot be of any length.
    model: Annotated[str, Field(min_length=1, max_length=256)]
    stream: bool | None = None
    options: _Options | None = None
    keep_alive: float | str | None = None


class _Chat(_Body):
    messages: Items[_Message] | None = None

    def texts(self) -> list[str]:
        return [message.content for message in self.messages or []]


class _Generate(_Body):
    prompt: str | None = None
    system: str | None = None

    def texts(self) -> list[str]:
        return [self.system or "", self.prompt] if self.prompt else []


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """What a request asks for, as far as a fake cares.

    Args:
        is_chat: whether messages are wanted, not bare responses.
        is_load: whether nothing is asked but that the model be there (or not).
        is_unload: whether it is to leave.
    """

    model: str
    stream: bool
    is_chat: bool
    is_load: bool
    is_unload: bool
    texts: tuple[str, ...]
    max_tokens: int | None
    fingerprint: str
    # Counted once: it is told several times, and a prompt may have millions of words.
    prompt_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        """Count like a tokenizer that knows words only, plus 5 per text."""
        tokens = sum(words_in(text) + 5 for text in self.texts)
        object.__setattr__(self, "prompt_tokens", tokens)


def parse_request(received: Received) -> LineRequest:
    """Read a request as strictly as the real service does.

    Raises:
        RequestError: 400 for anything malformed.
    """
    is_chat = received.path == CHAT_PATH
    if not received.body.strip():
        raise RequestError("missing request body")
    try:
        parsed: _Chat | _Generate = (
            read(_Chat, received.body) if is_chat else read(_Generate, received.body)
        )
    except ValidationError as error:
        raise _explain(error.errors(include_url=False)[0]) from None
    texts = tuple(text for text in parsed.texts() if text)
    limit = (parsed.options or _Options()).num_predict
    # "If an empty messages array is provided, the model will be loaded into memory"
    # (docs/api.md, Load a model); with keep_alive 0 it is unloaded.
    is_load = not parsed.texts()
    return LineRequest(
        model=parsed.model,
        stream=parsed.stream is not False and not is_load,
        is_chat=is_chat,
        is_load=is_load,
        is_unload=is_load and parsed.keep_alive in {0, "0", "0s"},
        texts=texts,
        max_tokens=0 if is_load else limit if limit and limit > 0 else None,
        fingerprint=received.fingerprint,
    )


def _explain(complaint: ErrorDetails) -> RequestError:
    """Word the first thing wrong with a body much as the real service does."""
    place = ".".join(str(part) for part in complaint["loc"])
    if complaint["type"] == "json_invalid":
        reason = complaint.get("ctx", {}).get("error", complaint["msg"])
        return RequestError(f"invalid JSON: {reason}")
    if place == "model":
        return RequestError("model is required", param=place)
    message = complaint["msg"][:1].lower() + complaint["msg"][1:]
    return RequestError(f"{place or 'body'}: {message}", param=place or None)
