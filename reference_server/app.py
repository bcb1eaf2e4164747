"""The application: settings in, ASGI app out.

Wiring only. Nothing is decided here and nothing is read but the keys that the settings
name; clocks and randomness come in through `Environment`.
"""

import random
import secrets
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, assert_never

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from .dialects import DIALECTS, DialectMaker
from .metrics import Metrics
from .models.anthropic import Anthropic
from .models.client import ModelClient, ModelOptions
from .models.connection import Connection
from .models.connections import Connections
from .models.openai_chat import OpenAIChat
from .models.openai_responses import OpenAIResponses
from .models.provider import Provider
from .models.retry import RetryPolicy
from .refusals import SettingsError
from .settings import Settings
from .store.database import Database
from .store.schema import prepare
from .streams.dialect import Dialect, Resources
from .streams.response import ResponseOptions
from .streams.runs import RunLimits, Runs
from .web import operations
from .web.auth import AuthMiddleware, Guard
from .web.error_handlers import refusal_handlers
from .web.gzip_streams import GzipStreams
from .web.keys import VerificationKeys, load_keys
from .web.stream_endpoints import CancelEndpoint, StreamEndpoint
from .web.tokens import TokenVerifier
from .web.twin_endpoint import TwinEndpoint

_OPEN_PATHS = ("/healthz", "/metrics")

# Servers commonly close a connection that was idle for 5 s. Ours is given up before, so
# that a call is not sent into a connection that is being closed.
_KEEPALIVE_S = 2.0


def _new_stream_id() -> str:
    return secrets.token_urlsafe(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a run of the program takes from the world around it.

    Attributes:
        clock: steady clock in seconds.
        wall_clock: seconds since the epoch.
        new_stream_id: an id of at least 128 bits that cannot be guessed.
        new_uuid: an id of a thing that is kept.
        random: number from 0 to 1, for jitter.
        transport: carries the calls to the model; None for the network.
    """

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    new_stream_id: Callable[[], str] = _new_stream_id
    new_uuid: Callable[[], uuid.UUID] = uuid.uuid4
    random: Callable[[], float] = field(default_factory=lambda: random.Random().random)  # noqa: S311 -- jitter
    transport: httpx.AsyncBaseTransport | None = None


def create_app(
    settings: Settings,
    environment: Environment | None = None,
    *,
    keys: VerificationKeys | None = None,
    dialects: Iterable[DialectMaker] = DIALECTS,
) -> Starlette:
    """Return the application; its registry of runs is `app.state.runs`.

    Args:
        settings: what to do.
        environment: what to take from the world; None for the real one.
        keys: what `load_keys` returned for the settings, when it was called already.
        dialects: what is served.

    Raises:
        SettingsError: key material is missing or unreadable, the database's URL names
            none that is known, or two dialects have one name or path.
    """
    environment = environment or Environment()
    keys = keys or load_keys(settings)
    metrics = Metrics()
    http = _create_http_client(settings, environment)
    model = _create_model_client(settings, environment, http)
    database = Database(settings.database_url)
    resources = Resources(
        model=model,
        clock=environment.clock,
        wall_clock=environment.wall_clock,
        new_uuid=environment.new_uuid,
        database=database,
        max_body_bytes=settings.max_body_bytes,
        chunk_tokens=settings.chunk_tokens,
    )
    runs = _create_runs(settings, environment, metrics)
    routes: list[BaseRoute] = [
        *_create_operations(settings, environment, runs, metrics)
    ]
    guards = []
    exposed = ["X-Stream-Id", "Retry-After"]
    served = [_adapt(create(resources), settings) for create in dialects]
    _check_apart(served)
    for dialect in served:
        streams = _create_streams(dialect, settings, environment, runs, metrics)
        own = [*streams, *dialect.routes]
        routes += own
        guards.append(_create_guard(dialect, own))
        exposed += dialect.headers
    auth = _create_auth(settings, environment, metrics, guards, keys)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            await prepare(database)
            yield
            # Under our own server nothing is running here any more (see `server`).
            runs.hurry()
            await runs.drain()
            runs.forget_all()
        finally:
            await http.aclose()
            await database.close()

    app = Starlette(
        routes=routes,
        middleware=_create_middleware(settings, auth, exposed),
        exception_handlers=refusal_handlers(metrics),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.runs = runs
    app.state.dialects = served
    return app


def _check_apart(dialects: Sequence[Dialect[Any, Any]]) -> None:
    """Refuse two dialects of one name or path: the second would never be asked.

    Raises:
        SettingsError: there are two.
    """
    for word, values in (
        ("name", [each.name for each in dialects]),
        ("path", [each.path for each in dialects]),
    ):
        for value, count in Counter(values).items():
            if count > 1:
                raise SettingsError(
                    f"dialects: expected each to have a {word} of its own, got {count} "
                    f"with {value!r}"
                )


def _create_http_client(
    settings: Settings, environment: Environment
) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=str(settings.upstream_url),
        # The model client has time limits of its own, by phase of the answer.
        timeout=None,  # noqa: S113 -- see above
        # The provider is named by a setting, not by proxy variables.
        trust_env=False,
        transport=environment.transport or _create_connections(),
    )


def _create_connections() -> Connections:
    # Made once: reading the certificates of the world takes longer than a call.
    ssl_context = httpx.create_ssl_context(trust_env=False)
    return Connections(
        lambda: Connection(ssl_context=ssl_context, keep_s=_KEEPALIVE_S),
        keep_s=_KEEPALIVE_S,
    )


def _create_model_client(
    settings: Settings, environment: Environment, http: httpx.AsyncClient
) -> ModelClient:
    key = settings.upstream_key
    options = ModelOptions(
        provider=_create_provider(settings),
        model=settings.upstream_model,
        key=key.get_secret_value() if key else None,
        first_token_timeout_s=settings.upstream_first_token_timeout_s,
        total_timeout_s=settings.upstream_total_timeout_s,
        retry=RetryPolicy(
            max_attempts=settings.upstream_max_attempts,
            backoff_s=settings.upstream_backoff_s,
            budget_s=settings.upstream_retry_budget_s,
        ),
    )
    return ModelClient(
        http,
        options,
        now=lambda: datetime.fromtimestamp(environment.wall_clock(), UTC),
        jitter=environment.random,
    )


def _create_provider(settings: Settings) -> Provider:
    match settings.upstream_provider:
        case "openai_chat":
            return OpenAIChat()
        case "openai_responses":
            return OpenAIResponses()
        case "anthropic":
            return Anthropic(max_tokens=settings.upstream_max_tokens)
        case unknown:
            assert_never(unknown)


def _create_runs(
    settings: Settings, environment: Environment, metrics: Metrics
) -> Runs:
    limits = RunLimits(
        streams_per_user=settings.streams_per_user,
        max_streams=settings.max_streams,
        log_max_events=settings.log_max_events,
        log_max_bytes=settings.log_max_bytes,
        retained_max_bytes=settings.retained_max_bytes,
        retention_s=settings.retention_s,
        drain_s=settings.drain_s,
    )
    return Runs(
        limits,
        metrics=metrics,
        clock=environment.clock,
        new_id=environment.new_stream_id,
        random=environment.random,
    )


def _adapt(dialect: Dialect[Any, Any], settings: Settings) -> Dialect[Any, Any]:
    heartbeat, grace_s = dialect.heartbeat, dialect.grace_s
    if settings.heartbeat_s is not None:
        heartbeat = replace(heartbeat, interval_s=settings.heartbeat_s)
    if settings.resume_grace_s is not None:
        grace_s = settings.resume_grace_s
    max_run_s = dialect.max_run_s and (settings.max_run_s or dialect.max_run_s)
    return replace(dialect, heartbeat=heartbeat, grace_s=grace_s, max_run_s=max_run_s)


def _create_streams(
    dialect: Dialect[Any, Any],
    settings: Settings,
    environment: Environment,
    runs: Runs,
    metrics: Metrics,
) -> list[Route]:
    heartbeat = dialect.heartbeat
    options = ResponseOptions(
        heartbeat=lambda: heartbeat.render(environment.wall_clock()),
        opening=heartbeat.opening,
        heartbeat_s=heartbeat.interval_s,
        send_timeout_s=settings.send_timeout_s,
        clock=environment.clock,
        metrics=metrics,
    )
    stream: ASGIApp = StreamEndpoint(
        dialect=dialect,
        runs=runs,
        options=options,
        max_body_bytes=settings.max_body_bytes,
        wall_clock=environment.wall_clock,
    )
    if settings.gzip_streams:
        stream = GzipStreams(stream)
    cancel = CancelEndpoint(dialect=dialect, runs=runs)
    routes = [
        Route(dialect.path, stream, methods=[dialect.method]),
        Route(dialect.path + "/{stream}", cancel, methods=["DELETE"]),
    ]
    if dialect.twin is not None:
        twin = TwinEndpoint(
            dialect=dialect,
            twin=dialect.twin,
            runs=runs,
            max_body_bytes=settings.max_body_bytes,
        )
        routes.append(Route(dialect.twin.path, twin, methods=[dialect.method]))
    return routes


def _create_guard(dialect: Dialect[Any, Any], routes: list[BaseRoute]) -> Guard:
    return Guard(
        routes=routes,
        path=dialect.path,
        credentials=dialect.credentials,
        refusal_codes=dialect.refusal_codes,
    )


def _create_operations(
    settings: Settings, environment: Environment, runs: Runs, metrics: Metrics
) -> list[Route]:
    routes = [
        Route("/healthz", operations.health(runs)),
        Route("/metrics", operations.metrics_page(metrics)),
    ]
    if settings.observe_token is not None:
        token = settings.observe_token.get_secret_value()
        observe = operations.observation(runs, token, environment.clock)
        routes.append(Route("/observe", observe))
    return routes


def _create_auth(
    settings: Settings,
    environment: Environment,
    metrics: Metrics,
    guards: Sequence[Guard],
    keys: VerificationKeys,
) -> Middleware:
    observed = ("/observe",) if settings.observe_token is not None else ()
    verifier = TokenVerifier(
        keys=keys,
        algorithms=settings.jwt_algorithms,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        leeway_s=settings.jwt_leeway_s,
    )
    return Middleware(
        AuthMiddleware,
        verifier=verifier,
        wall_clock=environment.wall_clock,
        guards=guards,
        open_paths=(*_OPEN_PATHS, *observed),
        on_refusal=lambda refusal: metrics.count_refusal(refusal.code),
    )


def _create_middleware(
    settings: Settings, auth: Middleware, exposed_headers: Sequence[str]
) -> list[Middleware]:
    if not settings.cors_origins:
        return [auth]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        expose_headers=exposed_headers,
    )
    # Outside of the check for a token: a preflight request carries no credential, and
    # a refusal must be readable in a browser.
    return [cors, auth]
