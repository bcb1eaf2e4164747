"""Command line of the server: parse, start, print where it listens.

Exit codes: 0 after a signal and a clean farewell, 2 when it cannot start like this.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from .refusals import SettingsError
from .settings import ENV_PREFIX, Settings, find_unknown_variable
from .web.keys import load_keys

_USAGE_ERROR = 2

_app = typer.Typer(add_completion=False, rich_markup_mode=None)


@_app.command(
    help="Serve the reference implementation of the streaming protocols. Every option "
    f"is also an environment variable {ENV_PREFIX}<NAME>; the secret for tokens is "
    f"{ENV_PREFIX}JWT_SECRET or a file."
)
def _serve(  # noqa: PLR0917 -- one parameter per option; typer passes them by name
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    upstream_url: Annotated[
        str | None, typer.Option(help="Base URL of the model, up to /v1.")
    ] = None,
    upstream_key: Annotated[str | None, typer.Option(help="API key.")] = None,
    upstream_model: Annotated[
        str | None, typer.Option(help="Name of the model.")
    ] = None,
    upstream_first_token_timeout_s: Annotated[
        float | None, typer.Option(help="Longest wait for the first token.")
    ] = None,
    upstream_total_timeout_s: Annotated[
        float | None, typer.Option(help="Longest model call.")
    ] = None,
    upstream_max_attempts: Annotated[
        int | None, typer.Option(help="Calls at most for one answer.")
    ] = None,
    upstream_backoff_s: Annotated[
        float | None, typer.Option(help="First pause before another call; doubles.")
    ] = None,
    upstream_retry_budget_s: Annotated[
        float | None, typer.Option(help="All pauses of one answer together.")
    ] = None,
    jwt_algorithms: Annotated[
        str | None, typer.Option(help="Accepted algorithms, with commas.")
    ] = None,
    jwt_secret_file: Annotated[
        Path | None, typer.Option(help="File with the HMAC secret.")
    ] = None,
    jwt_public_key_file: Annotated[
        Path | None, typer.Option(help="File with a public key in PEM.")
    ] = None,
    jwks_file: Annotated[
        Path | None, typer.Option(help="File with a JSON web key set.")
    ] = None,
    jwt_audience: Annotated[str | None, typer.Option(help="Required audience.")] = None,
    jwt_issuer: Annotated[str | None, typer.Option(help="Required issuer.")] = None,
    jwt_leeway_s: Annotated[
        float | None, typer.Option(help="Tolerance for the clocks of others.")
    ] = None,
    heartbeat_s: Annotated[
        float | None, typer.Option(help="Longest silence on a response.")
    ] = None,
    resume_grace_s: Annotated[
        float | None, typer.Option(help="How long a run goes on without a reader.")
    ] = None,
    retention_s: Annotated[
        float | None, typer.Option(help="How long an ended stream can be read.")
    ] = None,
    log_max_events: Annotated[
        int | None, typer.Option(help="Events kept for each stream.")
    ] = None,
    log_max_bytes: Annotated[
        int | None, typer.Option(help="Bytes kept for each stream.")
    ] = None,
    retained_max_bytes: Annotated[
        int | None, typer.Option(help="Bytes kept for all ended streams together.")
    ] = None,
    send_timeout_s: Annotated[
        float | None, typer.Option(help="Patience with a reader that does not read.")
    ] = None,
    streams_per_user: Annotated[
        int | None, typer.Option(help="Running streams of one user.")
    ] = None,
    max_streams: Annotated[
        int | None, typer.Option(help="Running streams of all users.")
    ] = None,
    request_timeout_s: Annotated[
        float | None, typer.Option(help="Longest time for a request to be whole.")
    ] = None,
    max_body_bytes: Annotated[
        int | None, typer.Option(help="Largest request body.")
    ] = None,
    drain_s: Annotated[
        float | None, typer.Option(help="Time to finish after a signal.")
    ] = None,
    observe_token: Annotated[
        str | None, typer.Option(help="Turns /observe on, for this token.")
    ] = None,
    cors_origins: Annotated[
        str | None, typer.Option(help="Allowed origins, with commas.")
    ] = None,
) -> None:
    given = {name: value for name, value in locals().items() if value is not None}
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # One line per model call, with the provider's address, is too much and too open.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    _run(given)


def _run(given: dict[str, Any]) -> None:
    if problem := find_unknown_variable(os.environ):
        _fail(problem)
    try:
        settings = Settings(**given)
        keys = load_keys(settings)
        # Only now: they bring LangGraph, which takes more than a second.
        from .app import create_app  # noqa: PLC0415
        from .server import bind, serve  # noqa: PLC0415

        app = create_app(settings, keys=keys)
        listener = bind(settings.host, settings.port)
    except ValidationError as error:
        _fail("; ".join(_describe(error)))
    except SettingsError as error:
        _fail(str(error))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host

    def announce(port: int) -> None:
        print(f"listening on http://{host}:{port}", flush=True)  # noqa: T201 -- the contract

    serve(app, listener, announce, request_timeout_s=settings.request_timeout_s)


def _describe(error: ValidationError) -> list[str]:
    # No input values: one of them may be a secret.
    return [
        f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    ]


def _fail(message: str) -> NoReturn:
    print(f"streamproof-server: {message}", file=sys.stderr)  # noqa: T201 -- for the user
    raise SystemExit(_USAGE_ERROR)


def main() -> None:
    """Run the command line and exit."""
    try:
        _app(standalone_mode=False)
    except typer.TyperException as error:
        _fail(error.format_message())


if __name__ == "__main__":
    main()
