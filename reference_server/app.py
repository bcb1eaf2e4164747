"""The application: settings in, ASGI app out.

Wiring only. Nothing is decided here and nothing is read but the keys that the settings
name; clocks and randomness come in through `Environment`.
"""

import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from .dialects.pipeline import render as dialect
from .dialects.pipeline.graph import Pipeline
from .metrics import Metrics
from .models.client import ModelClient, ModelOptions
from .models.retry import RetryPolicy
from .refusals import Refusal, RefusalCode
from .settings import Settings
from .streams import sse
from .streams.response import SessionOptions
from .streams.runs import RunLimits, Runs
from .web import operations
from .web.auth import BearerMiddleware, TokenVerifier
from .web.keys import VerificationKeys, load_keys
from .web.stream_endpoints import CancelEndpoint, StreamEndpoint

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
        new_stream_id: an id of at least 128 bits that nobody can guess.
        random: number from 0 to 1, for jitter.
        transport: carries the calls to the model; None for the network.
    """

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    new_stream_id: Callable[[], str] = _new_stream_id
    random: Callable[[], float] = field(default_factory=lambda: random.Random().random)  # noqa: S311 -- jitter
    transport: httpx.AsyncBaseTransport | None = None


def create_app(
    settings: Settings,
    environment: Environment | None = None,
    *,
    keys: VerificationKeys | None = None,
) -> Starlette:
    """Return the application; `app.state.runs` is its registry of runs.

    Args:
        settings: what to do.
        environment: what to take from the world; None for the real one.
        keys: what `load_keys` returned for the settings, when it was called already.

    Raises:
        SettingsError: key material is missing or unreadable.
    """
    environment = environment or Environment()
    verifier = TokenVerifier(
        keys=keys or load_keys(settings),
        algorithms=settings.jwt_algorithms,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        leeway_s=settings.jwt_leeway_s,
    )
    metrics = Metrics()
    http = _create_http_client(settings, environment)
    runs = _create_runs(settings, environment, http, metrics)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        # Under our own server nothing is running here any more (see `server`).
        runs.hurry()
        await runs.drain()
        runs.forget_all()
        await http.aclose()

    app = Starlette(
        routes=_create_routes(settings, environment, runs, metrics),
        middleware=_create_middleware(settings, environment, verifier, metrics),
        exception_handlers=_create_handlers(metrics),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.runs = runs
    return app


def _create_http_client(
    settings: Settings, environment: Environment
) -> httpx.AsyncClient:
    key = settings.upstream_key
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    return httpx.AsyncClient(
        base_url=str(settings.upstream_url),
        headers=headers,
        # The model client has time limits of its own, by phase of the answer.
        timeout=None,  # noqa: S113 -- see above
        limits=httpx.Limits(
            max_connections=None,
            max_keepalive_connections=settings.max_streams,
            keepalive_expiry=_KEEPALIVE_S,
        ),
        # The provider is named by a setting, not by proxy variables.
        trust_env=False,
        transport=environment.transport,
    )


def _create_runs(
    settings: Settings,
    environment: Environment,
    http: httpx.AsyncClient,
    metrics: Metrics,
) -> Runs:
    options = ModelOptions(
        model=settings.upstream_model,
        first_token_timeout_s=settings.upstream_first_token_timeout_s,
        total_timeout_s=settings.upstream_total_timeout_s,
        retry=RetryPolicy(
            max_attempts=settings.upstream_max_attempts,
            backoff_s=settings.upstream_backoff_s,
            budget_s=settings.upstream_retry_budget_s,
        ),
    )
    model = ModelClient(
        http,
        options,
        now=lambda: datetime.fromtimestamp(environment.wall_clock(), UTC),
        jitter=environment.random,
    )
    limits = RunLimits(
        streams_per_user=settings.streams_per_user,
        max_streams=settings.max_streams,
        log_max_events=settings.log_max_events,
        log_max_bytes=settings.log_max_bytes,
        retained_max_bytes=settings.retained_max_bytes,
        retention_s=settings.retention_s,
        resume_grace_s=settings.resume_grace_s,
        drain_s=settings.drain_s,
    )
    return Runs(
        limits,
        Pipeline(model).run,
        metrics=metrics,
        clock=environment.clock,
        new_id=environment.new_stream_id,
        random=environment.random,
    )


def _create_routes(
    settings: Settings, environment: Environment, runs: Runs, metrics: Metrics
) -> list[Route]:
    heartbeat = dialect.HEARTBEAT
    session = SessionOptions(
        heartbeat=sse.encode(heartbeat.data, event=heartbeat.event),
        heartbeat_s=settings.heartbeat_s,
        send_timeout_s=settings.send_timeout_s,
        clock=environment.clock,
        metrics=metrics,
    )
    stream = StreamEndpoint(
        runs=runs,
        session=session,
        max_body_bytes=settings.max_body_bytes,
        wall_clock=environment.wall_clock,
    )
    cancel = CancelEndpoint(runs=runs)
    routes = [
        Route(dialect.PATH, stream, methods=["POST"]),
        Route(dialect.PATH + "/{stream}", cancel, methods=["DELETE"]),
        Route("/healthz", operations.health(runs)),
        Route("/metrics", operations.metrics_page(metrics)),
    ]
    if settings.observe_token is not None:
        token = settings.observe_token.get_secret_value()
        observe = operations.observation(runs, token, environment.clock)
        routes.append(Route("/observe", observe))
    return routes


def _create_middleware(
    settings: Settings,
    environment: Environment,
    verifier: TokenVerifier,
    metrics: Metrics,
) -> list[Middleware]:
    observed = ("/observe",) if settings.observe_token is not None else ()
    bearer = Middleware(
        BearerMiddleware,
        verifier=verifier,
        wall_clock=environment.wall_clock,
        open_paths=(*_OPEN_PATHS, *observed),
        on_refusal=lambda refusal: metrics.count_refusal(refusal.code),
    )
    if not settings.cors_origins:
        return [bearer]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        expose_headers=["X-Stream-Id", "Retry-After"],
    )
    # Outside of the bearer check: a preflight request carries no credential, and a
    # refusal must be readable in a browser.
    return [cors, bearer]


def _create_handlers(metrics: Metrics) -> dict[Any, ExceptionHandler]:
    # Coroutines all of them: Starlette runs plain functions in a thread.
    def answer(refusal: Refusal) -> Response:
        metrics.count_refusal(refusal.code)
        return refusal.to_response()

    async def refuse(_request: Request, error: Exception) -> Response:
        if not isinstance(error, Refusal):
            raise error
        return answer(error)

    async def refuse_http(_request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        return answer(_to_refusal(error))

    async def apologise(_request: Request, _error: Exception) -> Response:
        # Starlette raises the error again, so that it reaches the log.
        return answer(Refusal(RefusalCode.INTERNAL_ERROR, "an internal error occurred"))

    return {Refusal: refuse, HTTPException: refuse_http, Exception: apologise}


def _to_refusal(error: HTTPException) -> Refusal:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        code, message = RefusalCode.METHOD_NOT_ALLOWED, "method not allowed here"
    else:
        code, message = RefusalCode.NOT_FOUND, "nothing is served here"
    return Refusal(code, message, headers=error.headers)
