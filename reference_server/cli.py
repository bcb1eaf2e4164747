"""Command line of the server, made from its settings: parse, start, print the address.

    streamproof-server             serves
    streamproof-server --dev       serves with all it needs, and shows how to ask
    streamproof-server migrate     brings the database's schema up to date

Exit codes: 0 after a signal and a clean farewell, 2 when it cannot start like this.
"""

import asyncio
import inspect
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_args

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from .refusals import SettingsError
from .settings import ENV_PREFIX, NO_FLAG, Settings, find_unknown_variable
from .web.keys import load_keys

_USAGE_ERROR = 2

_app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _serve(context: typer.Context, *, dev: bool, **options: object) -> None:
    if context.invoked_subcommand is not None:
        context.obj = options
        return
    given = {name: value for name, value in options.items() if value is not None}
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # One line per model call, with the provider's address, is too much and too open.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Two lines for each connection to a database that is up to date.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It lets everything through, whatever the level is here; its warnings are shown.
    logging.getLogger("bm25s").propagate = False
    _run(given, is_dev=dev)


def _make_option(name: str, field: FieldInfo) -> inspect.Parameter:
    """Return the option of one setting; None, when it is not given, is its default."""
    default = _show(field.default)
    text = f"{field.description} [default: {default}]" if default else field.description
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=typer.Option(None, help=text, show_default=False),
        annotation=_find_type(field.annotation) | None,
    )


def _find_type(annotation: object) -> type:
    """Return what the command line can check; pydantic checks the rest."""
    alternatives = (annotation, *get_args(annotation))
    return next((kind for kind in (int, float, Path) if kind in alternatives), str)


def _show(default: object) -> str:
    match default:
        case None:
            return ""
        case bool():
            return str(default).lower()
        case tuple():
            return ",".join(default)
        case float():
            return f"{default:g}"
        case _:
            return str(default)


_DEV = inspect.Parameter(
    "dev",
    inspect.Parameter.KEYWORD_ONLY,
    default=typer.Option(
        False,
        "--dev",
        help="Try it out: with a fake model, a secret and a database of its own where "
        "none is given; prints a command line for each dialect.",
    ),
    annotation=bool,
)


# typer reads the signature of a function: this one has an option for every setting.
_serve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # mypy knows none
    [
        inspect.Parameter(
            "context",
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            annotation=typer.Context,
        ),
        _DEV,
        *(
            _make_option(name, field)
            for name, field in Settings.model_fields.items()
            if NO_FLAG not in field.metadata
        ),
    ]
)
_app.callback(
    invoke_without_command=True,
    help="Serve the reference implementation of the streaming protocols. Every option "
    f"is also an environment variable {ENV_PREFIX}<NAME>; the secret for tokens is "
    f"{ENV_PREFIX}JWT_SECRET or a file.",
)(_serve)


@_app.command()
def migrate(
    context: typer.Context,
    database_url: Annotated[
        str | None, typer.Option(help="As for the server.", show_default=False)
    ] = None,
) -> None:
    """Bring the schema of the database up to date."""
    given = context.obj["database_url"] if database_url is None else database_url
    settings = _read({} if given is None else {"database_url": given})
    from .store import schema  # noqa: PLC0415 -- takes half a second

    try:
        revision = asyncio.run(schema.at_url(settings.database_url, schema.migrate))
    except SettingsError as error:
        _fail(str(error))
    print(f"schema {revision}")  # noqa: T201 -- the answer


def _read(given: dict[str, Any]) -> Settings:
    if problem := find_unknown_variable(os.environ):
        _fail(problem)
    try:
        return Settings(**given)
    except ValidationError as error:
        _fail("; ".join(_describe(error)))


def _run(given: dict[str, Any], *, is_dev: bool = False) -> None:
    settings = _read(given)
    try:
        if not is_dev:
            _start(settings)
            return
        from .dev import trying_out  # noqa: PLC0415 -- not needed otherwise

        with trying_out(settings) as settings:
            _start(settings, is_dev=True)
    except SettingsError as error:
        _fail(str(error))


def _start(settings: Settings, *, is_dev: bool = False) -> None:
    keys = load_keys(settings)
    # Only now: they bring LangGraph, which takes more than a second.
    from .app import create_app  # noqa: PLC0415
    from .server import bind, serve  # noqa: PLC0415
    from .store import schema  # noqa: PLC0415

    asyncio.run(schema.at_url(settings.database_url, schema.prepare))
    app = create_app(settings, keys=keys)
    listener = bind(settings.host, settings.port)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    unsaid: list[str] = []

    def announce(port: int) -> None:
        url = f"http://{host}:{port}"
        try:
            print(f"listening on {url}", flush=True)  # noqa: T201 -- the contract
            if is_dev:
                from .dev import show_examples  # noqa: PLC0415 -- see `_run`

                shown = show_examples(app.state.dialects, url, settings, time.time())
                print(shown, flush=True)  # noqa: T201 -- what was asked for
        except OSError as error:
            # What is still buffered goes nowhere, also when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            unsaid.append((error.strerror or str(error)).lower())
            # Not raised here, in the middle of uvicorn's start.
            signal.raise_signal(signal.SIGTERM)

    serve(app, listener, announce, request_timeout_s=settings.request_timeout_s)
    for reason in unsaid:
        _fail(f"cannot write the address to stdout: {reason}")


def _describe(error: ValidationError) -> list[str]:
    # No input values: one of them may be a secret.
    return [
        f"{'.'.join(map(str, item['loc'])) or 'settings'}: "
        + _in_plain_words(item["msg"])
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
        _fail(_in_plain_words(error.format_message()))


def _in_plain_words(message: str) -> str:
    """Return a complaint about a setting without the words of the parser's parts."""
    number = "Input should be a valid integer, unable to parse string as an integer"
    for theirs, ours in (
        (number, "expected a whole number"),
        ("Input should be", "expected a value that is"),
        ("Value error, ", ""),
    ):
        message = message.replace(theirs, ours)
    return message


if __name__ == "__main__":
    main()
