"""Cassettes as files: read for a replay, written call by call by a recorder.

A shell: the only module here that opens files. Must not know what is in a cassette.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from .cassette import decode_cassette, encode_recording, encode_title
from .errors import CassetteError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from .cassette import Cassette, Recording

__all__ = ["Tape", "load_cassette"]


def load_cassette(path: Path) -> Cassette:
    """Read the cassette in a file.

    Raises:
        CassetteError: naming the file, and line and key if it is about them.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CassetteError(f"{path}: cannot be read: {_reason(error)}") from error
    return decode_cassette(data, where=str(path))


class Tape:
    """A cassette that is being written.

    Use as `with Tape.create(…) as tape: … tape.write(recording)`.
    """

    def __init__(self, path: Path, file: int, calls: int) -> None:
        """Take an open file, and the highest number of a call that is in it."""
        self._path = path
        self._file = file
        self.calls = calls

    @classmethod
    def create(cls, path: Path, upstream: str) -> Self:
        """Begin a new cassette.

        Raises:
            CassetteError: there is a file already, or it cannot be written.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        try:
            tape = cls(path, os.open(path, flags, 0o644), 0)
        except FileExistsError:
            raise CassetteError(
                f"{path}: expected a new file, got one that exists; name another, or "
                "add to it with --append"
            ) from None
        except OSError as error:
            raise CassetteError(
                f"{path}: cannot be written: {_reason(error)}"
            ) from error
        tape.append(encode_title(upstream))
        return tape

    @classmethod
    def extend(cls, path: Path, upstream: str) -> Self:
        """Add to a cassette of the same upstream, or begin it if there is none.

        A call that was cut off at its end is removed from the file.

        Raises:
            CassetteError: it is another's, no cassette, or cannot be written.
        """
        if not path.exists():
            return cls.create(path, upstream)
        cassette = load_cassette(path)
        if cassette.upstream != upstream and cassette.torn_at != 0:
            raise CassetteError(
                f"{path}: expected a cassette of {upstream}, got one of "
                f"{cassette.upstream}"
            )
        try:
            if cassette.torn_at is not None:
                os.truncate(path, cassette.torn_at)
            file = os.open(path, os.O_RDWR | os.O_APPEND)
        except OSError as error:
            raise CassetteError(
                f"{path}: cannot be written: {_reason(error)}"
            ) from error
        numbers = [recording.call for recording in cassette.recordings]
        tape = cls(path, file, max(numbers, default=0))
        tape._mend(upstream)
        return tape

    def write(self, recording: Recording) -> None:
        """Add one call, in one go.

        Raises:
            CassetteError: it could not be written; the file is as before.
        """
        self.append(encode_recording(recording))

    def append(self, data: bytes) -> None:
        """Add lines, all or nothing as far as the file system allows.

        Raises:
            CassetteError: they could not be written; the file is as before.
        """
        size = os.fstat(self._file).st_size
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            os.ftruncate(self._file, size)
            raise CassetteError(
                f"{self._path}: cannot be written: {_reason(error)}"
            ) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        """Nothing more than what the constructor did."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _mend(self, upstream: str) -> None:
        """Write what a file lacks before a call can follow: title or line end."""
        size = os.fstat(self._file).st_size
        if size == 0:
            self.append(encode_title(upstream))
        elif os.pread(self._file, 1, size - 1) != b"\n":
            self.append(b"\n")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
