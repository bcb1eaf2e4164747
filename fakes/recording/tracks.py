"""Recordings ready to be played: what their heads say, checked once.

Reads each response along, so that no client waits for one that was edited and cannot be
whole any more. Must not know sockets or clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .cassette import End
from .errors import CassetteError, RecordingError, UpstreamError
from .response import Progress, ResponseReader
from .tape import load_cassette

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .cassette import Cassette, Recording

__all__ = ["Recordings", "Track", "load_recordings"]

# Slower, and a second takes a quarter of an hour; faster, and it is 0.
MIN_SPEED: Final = 0.001
MAX_SPEED: Final = 1e6
_STREAMS: Final = ("text/event-stream", "application/x-ndjson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A recording, and what its response's head says.

    Args:
        place: file and line, for messages.
        head_size: bytes up to the body.
        keeps_alive: whether the response leaves its connection open.
        is_stream: whether it is told as a stream (events or lines).
    """

    recording: Recording
    place: str
    status: int
    head_size: int
    keeps_alive: bool
    is_stream: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """Everything that can be replayed, in order, and how fast.

    Args:
        speed: 1 is as recorded, 2 twice as fast, 0 at once; of no use outside of
            what `load_recordings` takes.
        warnings: what was left out of the cassettes, a line each.
    """

    tracks: tuple[Track, ...]
    speed: float = 1.0
    warnings: tuple[str, ...] = ()


def load_recordings(paths: Sequence[Path], *, speed: float = 1.0) -> Recordings:
    """Read the cassettes of some files; their calls follow one another.

    Raises:
        CassetteError: naming file, line and key, what was expected and what came.
        RecordingError: there is no such speed.
    """
    # Not the other way round: NaN is not below anything.
    if not (speed == 0 or MIN_SPEED <= speed <= MAX_SPEED):
        raise RecordingError(
            f"expected a speed of 0, or of {MIN_SPEED:g} to {MAX_SPEED:g}, got {speed}"
        )
    cassettes = [(path, load_cassette(path)) for path in paths]
    return Recordings(
        tracks=tuple(
            track
            for path, cassette in cassettes
            for track in _tracks_of(cassette, str(path))
        ),
        speed=speed,
        warnings=tuple(
            f"{path}: the last call is cut off, it is left out"
            for path, cassette in cassettes
            if cassette.torn_at is not None
        ),
    )


def _tracks_of(cassette: Cassette, where: str) -> list[Track]:
    return [
        _track_of(recording, f"{where}:{line}")
        for recording, line in zip(cassette.recordings, cassette.lines, strict=True)
    ]


def _track_of(recording: Recording, place: str) -> Track:
    """Read the response along, so that no client waits for one that cannot be whole."""
    reader = ResponseReader(recording.asked.method)
    try:
        size = sum(len(reader.feed(read.data)) for read in recording.reads)
        is_whole = reader.progress is Progress.COMPLETE
        if recording.end is End.CLOSE:
            is_whole = reader.close()
    except UpstreamError as error:
        raise CassetteError(f"{place}: {error}") from None
    if reader.head is None:
        raise CassetteError(f"{place}: expected reads with a whole response head")
    is_said = recording.end in {End.COMPLETE, End.CLOSE}
    if is_said != is_whole or size != len(recording.response):
        state = "whole" if is_whole else "not over"
        raise CassetteError(
            f"{place}: expected an end that fits the response, got "
            f"{recording.end.value!r}: by its head it is {state} after {size} of "
            f"{len(recording.response)} bytes; was one of them edited"
        )
    content_type = reader.head.field("content-type").lower()
    return Track(
        recording=recording,
        place=place,
        status=reader.head.status,
        head_size=reader.head.size,
        keeps_alive=reader.keeps_alive,
        is_stream=content_type.startswith(_STREAMS),
    )
