"""Dialects: one value says all that is particular to one protocol.

    where       name, method, path, twin, routes, headers, credentials
    what for    request, example, admit
    what is done    job, failure_codes, save
    how long    heartbeat, grace_s, max_streams, max_run_s

The rest of the server reads these values and knows no dialect by name. A dialect is
built once, out of `Resources`, when the application is.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel
from starlette.routing import BaseRoute

from ..models.client import ModelClient
from ..refusals import RefusalCode
from ..store.database import Database
from .failure import CAUSES, CancelCause, Cause
from .run import Job, RunState

RequestT = TypeVar("RequestT", bound=BaseModel)
JobT = TypeVar("JobT", bound=Job)


class CredentialForm(StrEnum):
    """Where a client may put its token."""

    BEARER = "bearer"
    QUERY = "query"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What fills a silence.

    Attributes:
        interval_s: longest silence.
        render: takes the time in seconds since the epoch, returns the block to be sent:
            a comment, or an event without id.
        opening: returns the block that every response begins with, None where none
            does. Takes the event that the client has last, None for a new stream; one
            that is not kept any more is replaced by the one behind it.
    """

    interval_s: float
    render: Callable[[float], bytes]
    opening: Callable[[bytes | None], bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What dialects are built with.

    Attributes:
        model: the language model.
        clock: steady clock in seconds.
        wall_clock: seconds since the epoch.
        new_uuid: returns one that was never used.
        database: for what outlives a run.
        chunk_tokens: how many tokens of the model are one chunk where a dialect gathers
            them, None for what is usual there.
        max_body_bytes: largest body of a request.
    """

    model: ModelClient
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    new_uuid: Callable[[], UUID]
    database: Database
    max_body_bytes: int
    chunk_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin(Generic[JobT]):
    """The same run as one JSON document instead of a stream.

    Attributes:
        path: where it is asked for, by POST and with the body of the stream's request.
        document: what is answered of a job that has completed.
    """

    path: str
    document: Callable[[JobT], object]


async def _admit(_request: object, _user: str) -> None:
    """Admit every user to everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect(Generic[RequestT, JobT]):
    """One protocol.

    Attributes:
        name: what it is called where streams are observed.
        method: of a request to start or resume a stream; its parameters are the body
            of a POST and the query of a GET.
        path: of that request; `DELETE <path>/<stream>` cancels.
        twin: the stream's result as one document, None where there is none.
        routes: what else is served, guarded like the streams; an endpoint finds its
            `Principal` as `request.state.principal`.
        request: the parameters.
        example: parameters to try it with; a fake model finds its script in them.
        job: makes what is done in one run, for this user; to make one has no effect.
        failure_codes: what the dialect calls each cause that it knows.
        heartbeat: what fills a silence.
        grace_s: how long a run goes on without a reader; 0 ends it at once.
        headers: fields of all answers of a run, by name, as its job has them.
        credentials: where a token may be; the first one present decides.
        refusal_codes: codes of refusals that are called otherwise here.
        max_streams: most running streams of this dialect, None for no limit of its own.
        max_run_s: longest run, from its start; None for no limit.
        admit: raises the Refusal of a request that is valid and may not be made
            (403, 404, 409). Asked last before the start and without a pause between the
            two, so that what its last step sees is still so.
        save: keeps what is to be kept of a job whose run is in this state. Awaited
            when the run has ended: the slot does not wait for it, and the terminal
            event does. If it raises, a run that completed has failed.
        end_waits: whether the terminal event waits for the last save. A client whose
            next request cannot ask for what is saved need not wait.
        save_interval_s: how often it is awaited while the run goes on, beside the work
            and never twice at once; None for never.
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    request: type[RequestT]
    example: Mapping[str, str | int]
    job: Callable[[RequestT, str], JobT]
    failure_codes: Mapping[Cause, str]
    heartbeat: Heartbeat
    grace_s: float = 5.0
    twin: Twin[JobT] | None = None
    routes: Sequence[BaseRoute] = ()
    headers: Mapping[str, Callable[[JobT], str]] = field(default_factory=dict)
    credentials: tuple[CredentialForm, ...] = (CredentialForm.BEARER,)
    refusal_codes: Mapping[RefusalCode, str] = field(default_factory=dict)
    max_streams: int | None = None
    max_run_s: float | None = None
    admit: Callable[[RequestT, str], Awaitable[None]] = _admit
    save: Callable[[JobT, RunState], Awaitable[None]] | None = None
    end_waits: bool = True
    save_interval_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse a dialect that has no word for a failure, or a twin that is no POST.

        Raises:
            ValueError: a cause has no code, or there is a twin and no body.
        """
        missing = [
            cause
            for cause in CAUSES
            if cause not in self.failure_codes
            and (cause is not CancelCause.OVERTIME or self.max_run_s is not None)
        ]
        if missing:
            raise ValueError(
                f"{self.name}: expected a failure code for every cause, got none for "
                f"{', '.join(missing)}"
            )
        if self.twin is not None and self.method != "POST":
            raise ValueError(
                f"{self.name}: expected a twin of a POST, got one of a GET"
            )
