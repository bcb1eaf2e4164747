"""`recording.tracks`: what a head says, and cassettes that cannot be played."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproof.fakes.recording.cassette import Asked, End, Read, Recording
from streamproof.fakes.recording.errors import CassetteError, RecordingError
from streamproof.fakes.recording.tape import Tape
from streamproof.fakes.recording.tracks import Recordings, load_recordings

if TYPE_CHECKING:
    from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
LENGTH = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"


def load(tmp_path: Path, end: End, *reads: bytes, method: str = "POST") -> Recordings:
    path = tmp_path / "c.jsonl"
    with Tape.create(path, "http://x") as tape:
        tape.write(
            Recording(
                call=1,
                asked=Asked(method=method, target="/", headers=(), body=b""),
                reads=tuple(Read(1.0, data) for data in reads),
                end=end,
                end_ms=1.0,
            )
        )
    return load_recordings([path], speed=2)


def test_a_track_knows_what_the_head_says(tmp_path: Path) -> None:
    (track,) = load(tmp_path, End.COMPLETE, CHUNKED[:30], CHUNKED[30:]).tracks

    assert track.status == 200
    assert CHUNKED[: track.head_size].endswith(b"\r\n\r\n")
    assert track.keeps_alive
    assert track.is_stream
    assert track.place == f"{tmp_path / 'c.jsonl'}:2"


def test_a_whole_answer_is_no_stream_and_may_close(tmp_path: Path) -> None:
    (track,) = load(tmp_path, End.COMPLETE, LENGTH).tracks

    assert track.status == 404
    assert not track.is_stream
    assert not track.keeps_alive


def test_the_calls_of_several_files_follow_one_another(tmp_path: Path) -> None:
    (first := tmp_path / "1").mkdir()
    (second := tmp_path / "2").mkdir()
    load(first, End.COMPLETE, LENGTH)
    load(second, End.COMPLETE, CHUNKED)
    recordings = load_recordings([second / "c.jsonl", first / "c.jsonl"])

    assert [track.status for track in recordings.tracks] == [200, 404]
    assert recordings.warnings == ()


def test_a_call_that_was_cut_off_is_told(tmp_path: Path) -> None:
    load(tmp_path, End.COMPLETE, LENGTH)
    path = tmp_path / "c.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    recordings = load_recordings([path])

    assert recordings.tracks == ()
    assert recordings.warnings == (f"{path}: the last call is cut off, it is left out",)


@pytest.mark.parametrize(
    "speed", [-1.0, float("nan"), float("inf"), 5e-324, 0.0009, 1e7]
)
def test_a_speed_that_no_timer_can_keep_is_refused(speed: float) -> None:
    expected = "expected a speed of 0, or of 0.001 to 1e\\+06, got "
    with pytest.raises(RecordingError, match=expected):
        load_recordings([], speed=speed)


@pytest.mark.parametrize("speed", [0.0, 0.001, 1.0, 1e6])
def test_every_speed_in_between_is_one(speed: float) -> None:
    assert load_recordings([], speed=speed).speed == speed


@pytest.mark.parametrize(
    ("end", "reads"),
    [
        (End.COMPLETE, [CHUNKED]),
        (End.CLOSE, [HEAD + b"\r\nhi"]),
        (End.FIN, [CHUNKED[:-1]]),
        (End.RST, [CHUNKED[:-1]]),
        (End.SILENCE, [CHUNKED[:-1]]),
        (End.FIN, [CHUNKED.replace(b"0\r\n", b"?\r\n")]),
    ],
)
def test_every_end_that_can_be_recorded_can_be_played(
    tmp_path: Path, end: End, reads: list[bytes]
) -> None:
    assert len(load(tmp_path, end, *reads).tracks) == 1


@pytest.mark.parametrize(
    ("end", "reads", "complaint"),
    [
        (
            End.COMPLETE,
            [LENGTH.replace(b": 2", b": 3")],
            "not over after 66 of 66 bytes",
        ),
        (End.COMPLETE, [LENGTH + b"more"], "whole after 66 of 70 bytes"),
        (End.CLOSE, [CHUNKED[:-1]], "got 'close': by its head it is not over"),
        (End.FIN, [CHUNKED], "got 'fin': by its head it is whole"),
        (End.COMPLETE, [HEAD], "expected reads with a whole response head"),
        (End.CLOSE, [HEAD], "expected a response, got the connection's end"),
        (End.SILENCE, [], "expected reads with a whole response head"),
        (End.COMPLETE, [b"hello"], "expected an HTTP/1.1 response, got b'hello'"),
    ],
)
def test_a_recording_that_cannot_be_played_is_told_with_file_and_line(
    tmp_path: Path, end: End, reads: list[bytes], complaint: str
) -> None:
    with pytest.raises(CassetteError) as caught:
        load(tmp_path, end, *reads)

    assert str(caught.value).startswith(f"{tmp_path / 'c.jsonl'}:2: ")
    assert complaint in str(caught.value)
