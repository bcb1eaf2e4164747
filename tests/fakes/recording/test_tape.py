"""`recording.tape`: files that are whole, or say where they are not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from streamproof.fakes.recording.cassette import Asked, End, Read, Recording
from streamproof.fakes.recording.errors import CassetteError
from streamproof.fakes.recording.tape import Tape, load_cassette

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UPSTREAM = "https://api.openai.com"


def recording(call: int) -> Recording:
    return Recording(
        call=call,
        asked=Asked(method="GET", target="/", headers=(), body=b""),
        reads=(Read(1.0, b"HTTP/1.1 204 No Content\r\n\r\n"),),
        end=End.COMPLETE,
        end_ms=1.0,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.jsonl"


def test_every_call_is_in_the_file_as_soon_as_it_is_written(path: Path) -> None:
    with Tape.create(path, UPSTREAM) as tape:
        assert load_cassette(path).recordings == ()
        for call in (1, 2):
            tape.write(recording(call))

            assert load_cassette(path).recordings[-1] == recording(call)
    assert load_cassette(path).upstream == UPSTREAM


def test_a_file_that_exists_is_not_written_over(path: Path) -> None:
    path.write_text("precious")

    with pytest.raises(CassetteError, match=r"expected a new file.*--append"):
        Tape.create(path, UPSTREAM)
    assert path.read_text() == "precious"


def test_a_cassette_is_extended_from_its_last_call_on(path: Path) -> None:
    with Tape.extend(path, UPSTREAM) as tape:
        tape.write(recording(3))
    with Tape.extend(path, UPSTREAM) as tape:
        assert tape.calls == 3
        tape.write(recording(4))

    assert [one.call for one in load_cassette(path).recordings] == [3, 4]


@pytest.mark.parametrize("kept", [5, 60, 100, 140, -10])
def test_a_call_that_was_cut_off_is_removed_before_the_next(
    path: Path, kept: int
) -> None:
    with Tape.create(path, UPSTREAM) as tape:
        tape.write(recording(1))
    path.write_bytes(path.read_bytes()[:kept])
    with Tape.extend(path, UPSTREAM) as tape:
        tape.write(recording(2))
    cassette = load_cassette(path)

    assert cassette.recordings == (recording(2),)
    assert cassette.upstream == UPSTREAM
    assert cassette.torn_at is None


def test_a_line_end_that_an_editor_removed_is_put_back(path: Path) -> None:
    with Tape.create(path, UPSTREAM) as tape:
        tape.write(recording(1))
    path.write_bytes(path.read_bytes()[:-1])
    with Tape.extend(path, UPSTREAM) as tape:
        tape.write(recording(2))

    assert [one.call for one in load_cassette(path).recordings] == [1, 2]


def test_a_cassette_of_another_upstream_is_not_extended(path: Path) -> None:
    Tape.create(path, "https://api.anthropic.com").close()

    with pytest.raises(CassetteError) as caught:
        Tape.extend(path, UPSTREAM)
    assert str(caught.value) == (
        f"{path}: expected a cassette of https://api.openai.com, got one of "
        "https://api.anthropic.com"
    )


def test_a_file_that_is_no_cassette_is_not_extended(path: Path) -> None:
    path.write_text("precious\n")

    with pytest.raises(CassetteError, match=r"c\.jsonl:1: "):
        Tape.extend(path, UPSTREAM)
    assert path.read_text() == "precious\n"


@pytest.mark.parametrize("begin", [Tape.create, Tape.extend])
def test_a_place_where_no_file_can_be_is_an_error(
    path: Path, begin: Callable[[Path, str], Tape]
) -> None:
    with pytest.raises(CassetteError, match="cannot be written: no such file"):
        begin(path / "missing", UPSTREAM)


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="cannot be read: is a directory"):
        load_cassette(tmp_path)


def test_a_call_that_does_not_fit_the_disk_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def write_half(file: int, data: bytes) -> int:
        if data == b"":
            return 0
        if len(data) < 50:
            raise OSError(28, "No space left on device")
        return write(file, data[: len(data) // 2])

    with Tape.create(path, UPSTREAM) as tape:
        before = path.read_bytes()
        monkeypatch.setattr(os, "write", write_half)
        with pytest.raises(CassetteError, match="cannot be written: no space left"):
            tape.write(recording(1))

    assert path.read_bytes() == before


def test_a_cassette_that_cannot_be_mended_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path, __: int) -> None:
        raise OSError(30, "Read-only file system")

    with Tape.create(path, UPSTREAM) as tape:
        tape.write(recording(1))
    path.write_bytes(path.read_bytes()[:-5])
    monkeypatch.setattr(os, "truncate", fail)

    with pytest.raises(CassetteError, match="cannot be written: read-only file system"):
        Tape.extend(path, UPSTREAM)
