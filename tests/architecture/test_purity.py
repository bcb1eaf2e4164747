"""A module is pure unless it is named here (design.md, invariants 2 and 7).

Pure is what takes values and returns values: it imports nothing that does I/O, waits,
reads a clock or throws dice, defines nothing that is awaited, and calls nothing that
reads the day or a file. Time, randomness and ids enter it through parameters. Nor does
it import a shell.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest
from tests.architecture.modules import (
    absolute_imports,
    imports_at_run_time,
    module_paths,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A pattern stands for a room in which every module may touch the world.
SHELLS = {
    "*/__main__.py": "starts a process",
    "*/cli.py": "reads options, prints, exits",
    # the suite
    "conformance/catalogue/__init__.py": "reads the TOML files beside it",
    "conformance/checks/__init__.py": "imports the modules beside it",
    "conformance/checkup.py": "starts what a run needs and throws its seed",
    "conformance/command_words.py": "is a command of typer's",
    "conformance/watcher.py": "starts a process beside the suite",
    "conformance/launch.py": "starts and stops the target and the fakes",
    "conformance/options.py": "reads variables and files that an option names",
    "conformance/session.py": "receives signals",
    "conformance/probes/*": "interacts with the target",
    "conformance/profiles/__init__.py": "reads the profile that is named",
    "conformance/report/files.py": "writes the reports",
    "conformance/report/terminal.py": "prints on a console",
    "conformance/report/streams.py": "writes to standard output and error",
    "conformance/runner/engine.py": "runs probes side by side",
    "conformance/runner/preflight.py": "asks whether target and fakes are there",
    "conformance/runner/run.py": "gives a run its clock",
    "conformance/runner/ticking.py": "reports while a probe is waited for",
    # the fakes
    "fakes/__init__.py": "imports a name when it is first used",
    "fakes/control/client.py": "speaks to a server over HTTP",
    "fakes/inprocess/asgi.py": "is awaited by a server of ASGI applications",
    "fakes/inprocess/fakes.py": "holds the transports that it made",
    "fakes/inprocess/network.py": "is where clients wait for their answers",
    "fakes/inprocess/patience.py": "moves virtual time between threads and loops",
    "fakes/inprocess/respx.py": "registers a route with respx",
    "fakes/inprocess/transport.py": "is awaited by httpx",
    "fakes/net/connection.py": "reads and writes sockets",
    "fakes/net/door.py": "accepts connections",
    "fakes/pytest_plugin.py": "starts a server for a test session",
    "fakes/recording/recorder.py": "forwards requests and waits for answers",
    "fakes/recording/server.py": "serves the recorder",
    "fakes/recording/tape.py": "writes cassettes",
    "fakes/recording/tracks.py": "has the cassettes of a folder read",
    "fakes/recording/upstream.py": "connects to the service that is recorded",
    "fakes/script/loading.py": "reads a file of scripts",
    "fakes/server.py": "listens on a port",
    "fakes/thread_server.py": "runs a server in a thread",
    # the server
    "reference_server/app.py": "gives the parts their clock, dice and clients",
    "reference_server/dialects/*/drafts_endpoints.py": "answers requests",
    "reference_server/dev.py": "starts a fake model",
    "reference_server/dialects/*/dialect.py": "gives its parts the model and the clock",
    "reference_server/dialects/*/estimates.py": "waits for the durations",
    "reference_server/dialects/*/*_endpoint.py": "answers requests",
    "reference_server/dialects/*/graph.py": "runs nodes that wait for the model",
    "reference_server/dialects/*/job.py": "waits for the graph",
    "reference_server/dialects/*/session_endpoints.py": "answers requests",
    "reference_server/dialects/*/sessions.py": "waits for the store",
    "reference_server/dialects/*/threads.py": "is awaited by LangGraph",
    "reference_server/http1/protocol.py": "is called by uvicorn with what arrives",
    "reference_server/models/client.py": "calls the model over HTTP",
    "reference_server/models/connection.py": "connects to the model",
    "reference_server/models/connections.py": "closes connections after a while",
    "reference_server/server.py": "listens on a port and receives signals",
    "reference_server/settings.py": "reads the environment",
    "reference_server/streams/dialect.py": "says what is awaited of a dialect",
    "reference_server/store/chapters.py": "waits for the database",
    "reference_server/store/conversations.py": "waits for the database",
    "reference_server/store/database.py": "connects to a database",
    "reference_server/store/drafts.py": "waits for the database",
    "reference_server/store/durations.py": "waits for the database",
    "reference_server/store/migrations/*": "is run by Alembic",
    "reference_server/store/schema.py": "has migrations run",
    "reference_server/streams/keeper.py": "waits for what saves a run",
    "reference_server/streams/reader.py": "waits for the next frame",
    "reference_server/streams/response.py": "sends frames to a client",
    "reference_server/streams/run.py": "cancels the task of a run",
    "reference_server/streams/runs.py": "starts the tasks of runs",
    "reference_server/streams/starts.py": "has new streams wait for their turn",
    "reference_server/web/*": "answers requests",
}

WORLD = {
    "alembic",
    "anyio",
    "asyncio",
    "asyncpg",
    "concurrent",
    "fcntl",
    "gc",
    "gevent",
    "http.client",
    "http.server",
    "httpx",
    "httpx2",
    "httpx_sse",
    "importlib",
    "locust",
    "logging",
    "multiprocessing",
    "os",
    "pydantic_settings",
    "random",
    "resource",
    "respx",
    "rich.console",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "sqlalchemy.ext.asyncio",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "termios",
    "threading",
    "time",
    "typer",
    "urllib.request",
    "uuid",
    "uvicorn",
    "uvloop",
}
"""What does I/O, waits, reads a clock or a variable, or throws dice."""

VALUES = {"uuid.UUID"}
"""Types of these modules that are made of what is given."""

READS_THE_DAY = {"now", "today", "utcnow"}
TOUCHES_FILES = {
    *("exists", "glob", "is_dir", "is_file", "iterdir", "mkdir", "open"),
    *("read_bytes", "read_text", "rglob", "stat", "touch", "unlink"),
    *("write_bytes", "write_text"),
}
BUILT_IN = {"input", "open", "print"}


def is_shell(path: Path) -> bool:
    return any(fnmatchcase(str(path), pattern) for pattern in SHELLS)


def impurities(tree: ast.Module) -> list[str]:
    """Return what of a module touches the world, as it is spelled there."""
    return [
        *(
            name
            for name in absolute_imports(at_run_time(tree))
            if is_of_the_world(name)
        ),
        *(word for node in ast.walk(tree) for word in impurities_of(node)),
    ]


def at_run_time(tree: ast.Module) -> ast.Module:
    """Leave out what is imported for annotations alone."""
    body = [
        statement
        for statement in tree.body
        if not (
            isinstance(statement, ast.If)
            and ast.unparse(statement.test) == "TYPE_CHECKING"
        )
    ]
    return ast.Module(body, [])


def is_of_the_world(name: str) -> bool:
    return name not in VALUES and any(
        name == part or name.startswith(f"{part}.") for part in WORLD
    )


def impurities_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.AsyncFunctionDef):
        yield f"async def {node.name}"
    if not isinstance(node, ast.Call):
        return
    match node.func:
        case ast.Name(id=name) if name in BUILT_IN:
            yield f"{name}()"
        case ast.Attribute(value=of, attr=name):
            owner = ast.unparse(of)
            day = owner.rpartition(".")[2] in {"date", "datetime"}
            if (name in READS_THE_DAY and day) or (
                name in TOUCHES_FILES and "path" in owner.lower()
            ):
                yield f"{owner}.{name}()"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", ["time"]),
        ("from os import path", ["os.path"]),
        ("from datetime import UTC, datetime\ndatetime.now(UTC)", ["datetime.now()"]),
        ("import datetime as dt\ndt.datetime.now()", ["dt.datetime.now()"]),
        ("from pathlib import Path\nPath('x').read_text()", ["Path('x').read_text()"]),
        ("open('x')", ["open()"]),
        ("async def wait(): ...", ["async def wait"]),
        ("def f(clock):\n    return clock.now()", []),
        ("from http import HTTPStatus", []),
        ("from uuid import UUID", []),
        ("from uuid import UUID, uuid4", ["uuid.uuid4"]),
        ("if TYPE_CHECKING:\n    import asyncio", []),
    ],
)
def test_what_touches_the_world_is_seen(source: str, found: list[str]) -> None:
    assert impurities(ast.parse(source)) == found


@pytest.mark.parametrize(
    "path", [path for path in module_paths() if not is_shell(path)], ids=str
)
def test_a_module_that_is_no_shell_is_pure(path: Path) -> None:
    assert impurities(parse(path)) == []


def test_a_pure_module_uses_no_shell() -> None:
    # A room's front (`__init__`) may hand out both: what is taken there is a value.
    wrong = [
        f"{user} imports {used}"
        for user, uses in imports_at_run_time().items()
        for used in sorted(uses)
        if is_shell(used) and not is_shell(user)
        if "__init__.py" not in {used.name, user.name}
    ]

    assert wrong == []


@pytest.mark.parametrize("pattern", SHELLS)
def test_a_shell_on_the_list_is_none_that_could_be_pure(pattern: str) -> None:
    named = [path for path in module_paths() if fnmatchcase(str(path), pattern)]
    uses = imports_at_run_time()

    assert any(impurities(parse(path)) for path in named) or any(
        is_shell(used) for path in named for used in uses[path]
    )
