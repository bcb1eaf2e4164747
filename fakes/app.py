"""The fakes' request handler: provider endpoints and the control API, wired.

Wiring only: which path goes where, and a refusal in the shape its reader expects.
Must not encode anything itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .control.api import PREFIX, Control
from .control.json_answers import send_json
from .errors import RequestError
from .model_api import ModelApi
from .namespaces import Namespaces
from .recording import Replayer
from .script import check_library

if TYPE_CHECKING:
    from .calls.journal import Journal
    from .namespaces import Namespace
    from .net.http1 import Request
    from .net.link import Link, Timers
    from .recording import Recordings
    from .script import Library

__all__ = ["App"]


class App:
    """Everything a fake knows, and how it answers."""

    def __init__(
        self,
        *,
        seed: int,
        library: Library,
        timers: Timers,
        version: str,
        recordings: Recordings | None = None,
    ) -> None:
        """Start with an empty journal and every gate closed.

        With recordings, all that models say comes out of these.

        Raises:
            ScriptError: a rule of the library names a script that is not there.
        """
        self._replayer = Replayer(recordings, timers=timers) if recordings else None
        self._spaces = Namespaces(check_library(library, "library"))
        self._models = ModelApi(seed=seed, timers=timers)
        self._control = Control(timers=timers, version=version)

    @property
    def journal(self) -> Journal:
        """What happened outside of named namespaces."""
        return self._spaces.root.journal

    def handle(self, request: Request, link: Link) -> None:
        """Answer one request, or attach the performance that does."""
        try:
            space, path = self._spaces.find(request.path)
        except RequestError as error:
            send_json(request, link, {"error": str(error)}, status=error.status)
            return
        # Nothing that is said may depend on the namespace.
        request = replace(request, path=path)
        if path.startswith(PREFIX) or path == PREFIX.rstrip("/"):
            self._handle_control(request, link, space)
        elif self._replayer is not None:
            self._replayer.handle(request, link, space.journal, space.replayed)
        else:
            self._models.handle(request, link, space)

    def shut_down(self) -> None:
        """Stop the models that no client listens to; connections stop the others."""
        self._models.shut_down()

    def refuse(self, error: RequestError, link: Link) -> None:
        """Answer what is no request at all, then hang up."""
        self._models.refuse(error, link)

    def _handle_control(self, request: Request, link: Link, space: Namespace) -> None:
        try:
            self._control.handle(request, link, space)
        except RequestError as error:
            send_json(request, link, {"error": str(error)}, status=error.status)
