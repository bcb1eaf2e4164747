"""Answers requests out of cassettes: chooses the recording, and lets it be played.

Wiring only. Must not encode anything, and knows no format but through `providers`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from ..calls.call import Outcome
from ..errors import RequestError
from ..keys import key_of_field
from ..net.http1 import encode_response
from ..providers import name_at, provider_at
from .matching import Chooser, kind_of_asked, kind_of_request
from .redaction import redacted_names
from .replay import Replay

if TYPE_CHECKING:
    from collections import Counter

    from ..calls.journal import Journal
    from ..net.http1 import Request
    from ..net.link import Link, Timers
    from .matching import Kind
    from .tracks import Recordings, Track

__all__ = ["Replayer"]

# Of whom the journal shows a call to a path that is no provider's.
UNKNOWN_PROVIDER: Final = "recorded"
# A refusal may quote the request; the journal keeps that much of it.
MAX_REFUSAL: Final = 500


class Replayer:
    """Answers every request out of the recordings, or says which came nearest."""

    def __init__(
        self, recordings: Recordings, *, timers: Timers, seed: int = 0
    ) -> None:
        """Take what can be said, and the clock it is said by."""
        self._recordings = recordings
        self._timers = timers
        self._seed = seed
        told = [track.recording.asked for track in recordings.tracks]
        # What was a secret when it was recorded is one now, by any other value.
        self._secret_fields = frozenset(
            name for asked in told for name in redacted_names(asked.headers)
        )
        self._chooser = Chooser([kind_of_asked(asked) for asked in told])

    def handle(
        self, request: Request, link: Link, journal: Journal, asked: Counter[Kind]
    ) -> None:
        """Attach the replay that answers, or refuse; either goes on the record.

        Args:
            request: what is asked for.
            link: where it came from.
            journal: where the call is put on record.
            asked: how often each kind of request was answered before; counted on.
        """
        try:
            key = key_of_field(request.headers)
            track = self._choose(request, asked)
        except RequestError as error:
            self._refuse(error, request, link, journal)
            return
        replay = Replay(
            track=track,
            speed=self._recordings.speed,
            call=journal.begin(
                key=key,
                provider=_provider_name(request.path),
                model=None,
                stream=track.is_stream,
                at=self._timers.time(),
                request=request,
            ),
            link=link,
            timers=self._timers,
            keep_alive=request.keep_alive,
        )
        link.attach(replay)
        replay.start()

    def _choose(self, request: Request, asked: Counter[Kind]) -> Track:
        """Choose the recording that is next for such a request.

        Raises:
            RequestError: there is none.
        """
        if request.http_version != "1.1":
            raise RequestError(
                f"expected HTTP/1.1, as it was recorded, got {request.http_version}",
                status=505,
            )
        kind = kind_of_request(request, self._secret_fields)
        place = self._chooser.choose(kind, asked)
        if place is not None:
            return self._recordings.tracks[place]
        near = self._chooser.nearest(kind)
        if near is None:
            hint = "there are no recordings"
        else:
            track = self._recordings.tracks[near[0]]
            hint = f"the nearest is {track.place}, which differs in {near[1]}"
        raise RequestError(
            f"no recording of {kind.method_and_path} with this query and body; {hint}",
            status=404,
        )

    def _refuse(
        self, error: RequestError, request: Request, link: Link, journal: Journal
    ) -> None:
        """Put the call on the record as refused, and say so in its provider's shape."""
        call = journal.begin(
            key=None,
            provider=_provider_name(request.path),
            model=None,
            stream=False,
            at=self._timers.time(),
            request=request,
        )
        call.status = error.status
        call.refusal = str(error)[:MAX_REFUSAL]
        call.end(Outcome.REFUSED, self._timers.time())
        headers, body = provider_at(request.path).refuse(
            error, seed=self._seed, fingerprint=sha256(request.body).hexdigest()
        )
        keep = request.keep_alive
        link.write(encode_response(error.status, headers, body, keep_alive=keep))
        link.finish(keep_alive=keep)


def _provider_name(path: str) -> str:
    return name_at(path) or UNKNOWN_PROVIDER
