"""Namespaces: everything that is kept about calls, once for each test that wants it.

`/_ns/{name}` before any path leads into one; without it there is the root. What
happens in one is seen nowhere else.

Bounded: at most `MAX_NAMESPACES`, which hold about `MAX_BYTES` together; beyond, the
one that was used longest ago leaves, but never one with running calls or waits. The
root always stays.
Must not know sockets, clocks, or any wire format.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from .calls.following import Following
from .calls.gates import KeyTable
from .calls.journal import Journal
from .calls.queues import Queues
from .calls.quotas import Quotas
from .errors import RequestError
from .keys import KEY, SPELLING
from .script.rules import Rulebook

if TYPE_CHECKING:
    from .recording.matching import Kind
    from .script import Library

__all__ = ["MAX_LIBRARY_BYTES", "MAX_SCRIPT_BYTES", "PREFIX", "Namespace", "Namespaces"]

PREFIX: Final = "/_ns/"
# As many tests as are looked at after they ran; those before are over.
MAX_NAMESPACES: Final = 256
# What a load test in the root may hold too; a test's own few calls are some KiB.
MAX_BYTES: Final = 256 * 1024 * 1024
# All are weighed when one is made, and for every so many requests to those there are:
# between two times they grow by some MiB at most.
EVERY: Final = 64
# A call's record without its events, and one event.
CALL_BYTES: Final = 1024
EVENT_BYTES: Final = 9
# Of scripts put for a key; with `gates.MAX_SCRIPTS` of them, 64 MiB at most.
MAX_SCRIPT_BYTES: Final = 64 * 1024
MAX_LIBRARY_BYTES: Final = 256 * 1024

_PATH: Final = re.compile(rf"/_ns/(?P<name>{KEY.pattern})(?P<rest>/.*)", re.DOTALL)


class Namespace:
    """The calls of one test: their records, keys, rules, lines and quotas."""

    __slots__ = (
        "_base",
        "following",
        "journal",
        "keys",
        "library",
        "queues",
        "quotas",
        "replayed",
        "rulebook",
    )

    def __init__(self, library: Library) -> None:
        """Start empty, with the scripts and rules that every namespace has."""
        self._base = library
        self.journal = Journal()
        self.keys = KeyTable()
        self.queues = Queues()
        self._start_afresh()

    @property
    def is_busy(self) -> bool:
        """Whether a call is running or a wait for one is open."""
        return self.journal.is_busy

    @property
    def size(self) -> int:
        """About how many bytes are held, a script counted as the longest there is."""
        return (
            len(self.journal) * CALL_BYTES
            + self.journal.ended_events * EVENT_BYTES
            + self.journal.request_bytes
            + self.following.size
            + self.keys.scripted_keys * MAX_SCRIPT_BYTES
            + (self.library is not self._base) * MAX_LIBRARY_BYTES
        )

    @property
    def base(self) -> Library:
        """What the library is without anything put."""
        return self._base

    def put_library(self, library: Library) -> None:
        """Follow another library from now on; all its rules start counting."""
        self.library = library
        self.rulebook = Rulebook(library)

    def reset(self) -> int:
        """Be as at the start, and return how many calls were forgotten.

        Calls that are running go on, also those held at a gate, in the lines where
        they stand.
        """
        forgotten = self.journal.clear()
        self.keys.clear()
        self._start_afresh()
        return forgotten

    def _start_afresh(self) -> None:
        self.quotas = Quotas()
        self.following = Following()
        # How often each kind of request was answered out of a recording.
        self.replayed: Counter[Kind] = Counter()
        self.put_library(self._base)


class Namespaces:
    """The root and the named ones, made when first asked for."""

    def __init__(
        self,
        library: Library,
        *,
        most: int = MAX_NAMESPACES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Start with the root alone."""
        self._library = library
        self._most = most
        self._max_bytes = max_bytes
        self._named: OrderedDict[str, Namespace] = OrderedDict()
        self._found = 0
        self.root = Namespace(library)

    def find(self, path: str) -> tuple[Namespace, str]:
        """Return the namespace that a path leads into, and the path inside of it.

        Raises:
            RequestError: the prefix is not followed by a name and a path.
        """
        if not path.startswith(PREFIX):
            return self.root, path
        match = _PATH.fullmatch(path)
        if match is None and KEY.fullmatch(path.removeprefix(PREFIX)):
            raise RequestError(
                f"expected a path behind {path}, such as {path}/v1/chat/completions or "
                f"{path}/_fakes/calls, got none",
                status=HTTPStatus.NOT_FOUND,
            )
        if match is None:
            raise RequestError(
                f"expected {PREFIX}{{name}}/… with a name of {SPELLING}, "
                f"got {path[:80]}",
                status=HTTPStatus.NOT_FOUND,
            )
        return self._at(match["name"]), match["rest"]

    def _at(self, name: str) -> Namespace:
        found = self._named.get(name)
        self._found += 1
        is_to_be_weighed = found is None or self._found % EVERY == 0
        if found is None:
            found = self._named[name] = Namespace(self._library)
        self._named.move_to_end(name)
        if is_to_be_weighed:
            self._make_room(found)
        return found

    def _make_room(self, asked: Namespace) -> None:
        """Drop idle namespaces while a bound is passed, but not the one asked for.

        Busy ones alone may pass it: there are no more of them than connections.
        """
        size = sum(one.size for one in self._named.values())
        for name, one in tuple(self._named.items()):
            if len(self._named) <= self._most and size <= self._max_bytes:
                return
            if one is not asked and not one.is_busy:
                size -= one.size
                del self._named[name]
