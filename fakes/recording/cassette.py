"""A cassette: recorded calls as text, byte for byte and read by read.

JSON Lines, so that a diff shows one read per line. Four kinds of line:

    {"cassette": 1, "upstream": URL}                                    once, first
    {"call": N, "method": …, "target": …, "headers": [[name, value], …], BYTES}
    {"at_ms": T, BYTES}                                                 per read
    {"at_ms": T, "end": HOW}                                            per call, last

BYTES is `"text": …` where the bytes are UTF-8, and `"base64": …` where they are not.
Times are milliseconds since the request's last byte left, in whole microseconds.
Every line is strict: an unknown key is refused by file, line and name.

A call is written in one go once it is over. So the only damage that a dying process
can do is a call without its end at the end of the file: it is left out, and said to
be (`Cassette.torn_at`). Anything else that does not fit is an error.

Pure: text in, values out, and back. Must not open files or know HTTP.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from ..wording import expected_and_got, suggestion
from .errors import CassetteError

__all__ = [
    "MAX_MS",
    "VERSION",
    "Asked",
    "Cassette",
    "End",
    "Read",
    "Recording",
    "decode_cassette",
    "encode_recording",
    "encode_title",
    "in_ms",
]

VERSION: Final = 1
# A day, as for every duration that the fakes know.
MAX_MS: Final = 24 * 3600 * 1000.0
# Longer values are cut in messages.
MAX_SHOWN: Final = 60
# Characters that JSON leaves alone, but that an editor or a diff takes for the end of
# a line, or does not show.
_INVISIBLE: Final = {
    code: f"\\u{code:04x}"
    for code in (
        *range(0x7F, 0xA0),
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        0xFEFF,
    )
}


class End(StrEnum):
    """How the upstream ended its response."""

    COMPLETE = "complete"  # the framing said that this was all
    CLOSE = "close"  # the body lasted until the connection's end, and so it ended
    FIN = "fin"  # the connection was closed in the middle
    RST = "rst"  # the connection was reset in the middle
    SILENCE = "silence"  # nothing more came before the recorder gave up


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it was sent upstream, without its secrets."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """Bytes that came off the upstream's socket in one read, and when."""

    at_ms: float
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One call: what was asked, and everything that was said in return.

    Args:
        call: number of the call in order of arrival, unique in its cassette.
        reads: every read of the response, its head among them.
        end_ms: when the response was over.
    """

    call: int
    asked: Asked
    reads: tuple[Read, ...]
    end: End
    end_ms: float

    @property
    def response(self) -> bytes:
        """Every byte of the response."""
        return b"".join(read.data for read in self.reads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """What a file holds, calls in order of arrival.

    Args:
        lines: line of each call's request, in the same order, for messages.
        torn_at: where (in bytes) a call starts that was never finished; None for a
            file that is whole.
    """

    upstream: str
    recordings: tuple[Recording, ...]
    lines: tuple[int, ...]
    torn_at: int | None


def in_ms(seconds: float) -> float:
    """Turn a duration into milliseconds, in whole microseconds, never negative."""
    return max(0.0, round(seconds * 1000, 3))


# Encoding.


def encode_title(upstream: str) -> bytes:
    """Encode the first line of a cassette."""
    return _line({"cassette": VERSION, "upstream": upstream})


def encode_recording(recording: Recording) -> bytes:
    """Encode the lines of one call."""
    asked = recording.asked
    head = {
        "call": recording.call,
        "method": asked.method,
        "target": asked.target,
        "headers": asked.headers,
        **_spell(asked.body),
    }
    lines = [_line(head)]
    lines += [
        _line({"at_ms": read.at_ms, **_spell(read.data)}) for read in recording.reads
    ]
    lines.append(_line({"at_ms": recording.end_ms, "end": recording.end}))
    return b"".join(lines)


def _spell(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _line(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return text.translate(_INVISIBLE).encode() + b"\n"


# Decoding.


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_Kind = TypeVar("_Kind", bound=_Line)


class _Title(_Line):
    cassette: int
    upstream: str


class _Bytes(_Line):
    text: str | None = None
    base64: str | None = None

    @property
    def data(self) -> bytes:
        """What the line spells."""
        if self.text is not None:
            return self.text.encode()
        return base64.b64decode(self.base64 or "", validate=True)

    @model_validator(mode="after")
    def _is_spelled_once(self) -> Self:
        if (self.text is None) == (self.base64 is None):
            raise ValueError("expected either 'text' or 'base64'")
        try:
            _ = self.data
        except binascii.Error as error:
            reason = str(error)
            reason = reason[:1].lower() + reason[1:]
            raise ValueError(f"base64: expected base64: {reason}") from None
        return self


# NaN is not below anything, and so is refused as well.
_Moment = Annotated[float, Field(ge=0, le=MAX_MS)]


class _Call(_Bytes):
    call: Annotated[int, Field(ge=1)]
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]


class _Read(_Bytes):
    at_ms: _Moment


class _End(_Line):
    at_ms: _Moment
    end: End


def decode_cassette(data: bytes, *, where: str) -> Cassette:
    """Read a whole cassette.

    Args:
        data: the file's bytes.
        where: the file's name, for messages.

    Raises:
        CassetteError: naming file, line and key, what was expected and what came.
    """
    decoder = _Decoder(where)
    offset = 0
    for number, line in enumerate(io.BytesIO(data), start=1):
        # Half a line is no JSON: its last character is the closing brace.
        if line.endswith(b"\n") or _is_json(line):
            decoder.take(number, offset, line)
        else:
            decoder.tear(offset)
        offset += len(line)
    return decoder.finish()


def _is_json(line: bytes) -> bool:
    try:
        from_json(line)
    except ValueError:
        return False
    return True


class _Decoder:
    """Line after line; keeps the call that is not over yet."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._title: _Title | None = None
        self._done: dict[int, tuple[int, Recording]] = {}
        self._call: _Call | None = None
        self._call_at = (0, 0)
        self._reads: list[Read] = []
        self._torn_at: int | None = None

    def take(self, number: int, offset: int, line: bytes) -> None:
        place = f"{self._where}:{number}"
        if self._title is None:
            self._title = _title_of(line, place)
            return
        match _parse(line, place):
            case _Call() as call:
                self._begin(call, number, offset, place)
            case _Read() as read:
                self._add(read, place)
            case end:
                self._end(end, place)

    def tear(self, offset: int) -> None:
        self._torn_at = offset if self._call is None else self._call_at[1]
        self._call = None

    def finish(self) -> Cassette:
        if self._call is not None:
            self.tear(0)
        if self._title is None and self._torn_at != 0:
            raise CassetteError(
                f"{self._where}: expected a cassette, got an empty file"
            )
        done = [self._done[call] for call in sorted(self._done)]
        return Cassette(
            upstream=self._title.upstream if self._title else "",
            recordings=tuple(recording for _, recording in done),
            lines=tuple(line for line, _ in done),
            torn_at=self._torn_at,
        )

    def _begin(self, call: _Call, number: int, offset: int, place: str) -> None:
        if self._call is not None:
            raise CassetteError(
                f"{place}: expected the end of call {self._call.call} (line "
                f"{self._call_at[0]}), got call {call.call}"
            )
        if call.call in self._done:
            raise CassetteError(
                f"{place}: call: expected another number, got {call.call}, which is "
                f"the call of line {self._done[call.call][0]}"
            )
        self._call, self._call_at, self._reads = call, (number, offset), []

    def _add(self, read: _Read, place: str) -> None:
        self._check_time(read.at_ms, place)
        data = read.data
        if not data:
            raise CassetteError(f"{place}: expected a read of at least one byte, got 0")
        self._reads.append(Read(read.at_ms, data))

    def _end(self, end: _End, place: str) -> None:
        call = self._check_time(end.at_ms, place)
        asked = Asked(
            method=call.method,
            target=call.target,
            headers=call.headers,
            body=call.data,
        )
        recording = Recording(
            call=call.call,
            asked=asked,
            reads=tuple(self._reads),
            end=end.end,
            end_ms=end.at_ms,
        )
        self._done[call.call] = self._call_at[0], recording
        self._call = None

    def _check_time(self, at_ms: float, place: str) -> _Call:
        if self._call is None:
            raise CassetteError(f"{place}: expected a call before its reads and end")
        before = self._reads[-1].at_ms if self._reads else 0.0
        if at_ms < before:
            raise CassetteError(
                f"{place}: at_ms: expected at least {before} of the read before, "
                f"got {at_ms}"
            )
        return self._call


def _title_of(line: bytes, place: str) -> _Title:
    title = _validate(_Title, line, place)
    if title.cassette != VERSION:
        raise CassetteError(
            f"{place}: cassette: expected format {VERSION}, got {title.cassette}; "
            "record it anew, or use the version that wrote it"
        )
    return title


def _parse(line: bytes, place: str) -> _Call | _Read | _End:
    try:
        value = from_json(line.rstrip())
    except ValueError as error:
        raise CassetteError(f"{place}: expected JSON, got {error}") from None
    keys = value.keys() if isinstance(value, dict) else ()
    if "call" in keys:
        return _validate(_Call, line, place)
    if "end" in keys:
        return _validate(_End, line, place)
    return _validate(_Read, line, place)


def _validate(kind: type[_Kind], line: bytes, place: str) -> _Kind:
    try:
        checked = kind.model_validate_json(line)
    except ValidationError as error:
        raise CassetteError(f"{place}: {_explain(error, kind)}") from None
    keys = [key for key, _ in json.loads(line, object_pairs_hook=tuple)]
    twice = next((key for key in kind.model_fields if keys.count(key) > 1), None)
    if twice is not None:
        raise CassetteError(f"{place}: {twice}: expected the key once, got it twice")
    return checked


def _explain(error: ValidationError, kind: type[_Line]) -> str:
    """Turn the first complaint into: key, expected, got."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        hint = suggestion(key, kind.model_fields)
        return f"{key[:MAX_SHOWN]}: unknown key, {hint}"
    prefix = f"{key}: " if key else ""
    return prefix + expected_and_got(first)
