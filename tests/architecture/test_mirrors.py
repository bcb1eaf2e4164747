"""Each module has a test file of its name, or is named here with where it is tested.

`fakes/net/door.py` is tested by `tests/fakes/net/test_door.py`; a package's front,
`__init__.py`, by `test_` and the name of its folder. A module without a function only
declares, and there is nothing in it to test.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from tests.architecture.modules import ROOT, module_paths, parse

# Where it is tested, and why there. A pattern stands for a room with one reason.
ELSEWHERE = {
    # the suite
    "conformance/checks/invariants/*.py": (
        "tests/conformance/checks/invariants",
        "each kind of invariant is tested with its neighbours of one subject",
    ),
    "conformance/evidence/*.py": (
        "tests/conformance/checks",
        "evidence is made for the checks that read it, and read with them",
    ),
    "conformance/model.py": (
        "tests/conformance/runner/test_judge.py",
        "values; what they compute is what a judgement says",
    ),
    "conformance/probes/*.py": (
        "tests/mutants/test_every_check_can_fail.py",
        "a probe is right when the checks that it feeds pass and fail as they should",
    ),
    "conformance/profiles/__init__.py": (
        "tests/conformance/profiles/test_loading.py",
        "the test is named for what it does",
    ),
    "conformance/profiles/type_names.py": (
        "tests/conformance/profiles/test_rules.py",
        "its answers are the problems that the rules name",
    ),
    "conformance/profiles/values.py": (
        "tests/conformance/profiles/test_rules.py",
        "its answers are the problems that the rules name",
    ),
    "conformance/profiles/wording.py": (
        "tests/conformance/profiles/test_loading.py",
        "its words are those of a profile that cannot be loaded",
    ),
    "conformance/runner/run.py": (
        "tests/conformance/test_checkup.py",
        "it puts a run together, and a checkup is what asks for one",
    ),
    # the fakes
    "fakes/__init__.py": (
        "tests/fakes/test_pytest_plugin.py",
        "it puts off imports for the sake of the plugin",
    ),
    "fakes/control/json_answers.py": (
        "tests/fakes/control/test_api.py",
        "its answers are those of the control API",
    ),
    "fakes/control/operations.py": (
        "tests/fakes/control/test_client.py",
        "the client is a method for each operation",
    ),
    "fakes/control/questions.py": (
        "tests/fakes/control/test_api.py",
        "its refusals are those of the control API",
    ),
    "fakes/control/records.py": (
        "tests/fakes/control/test_client.py",
        "a record is what the client returns",
    ),
    "fakes/errors.py": (
        "tests/fakes/providers/test_routes.py",
        "what an error holds is what a refusal shows",
    ),
    "fakes/inprocess/*.py": (
        "tests/fakes/inprocess/test_transport.py",
        "the ways in are tested, each with all that is below it",
    ),
    "fakes/model_api.py": (
        "tests/fakes/test_app.py",
        "the half of the application that answers calls of a model",
    ),
    "fakes/net/link.py": (
        "tests/fakes/net/test_connection.py",
        "the seam that a connection fills",
    ),
    "fakes/providers/__init__.py": (
        "tests/fakes/providers/test_routes.py",
        "the test is named for what it does",
    ),
    "fakes/providers/anthropic/*.py": (
        "tests/fakes/providers/anthropic",
        "errors and routes are tested with the requests that meet them",
    ),
    "fakes/providers/gemini/*.py": (
        "tests/fakes/providers/gemini/test_gemini.py",
        "one test file for the service",
    ),
    "fakes/providers/ollama/*.py": (
        "tests/fakes/providers/ollama/test_ollama.py",
        "one test file for the service",
    ),
    "fakes/providers/openai_reply.py": (
        "tests/fakes/providers/openai_chat/test_reply.py",
        "what the replies of both endpoints share is tested with each",
    ),
    "fakes/providers/openai_responses/items.py": (
        "tests/fakes/providers/openai_responses/test_reply.py",
        "items are parts of a reply",
    ),
    "fakes/providers/provider.py": (
        "tests/fakes/providers/test_routes.py",
        "the seam that every provider fills; a route is the one thing that computes",
    ),
    "fakes/recording/difference.py": (
        "tests/fakes/recording/test_matching.py",
        "it says why nothing matches",
    ),
    "fakes/recording/server.py": (
        "tests/fakes/recording/test_recorder.py",
        "a recorder is tested on its port",
    ),
    "fakes/recording/upstream.py": (
        "tests/fakes/recording/test_recorder.py",
        "the service is what the recorder forwards to; TLS is in test_tls",
    ),
    "fakes/script/*.py": (
        "tests/fakes/test_script.py",
        "scripts are tested as they are written, whatever module has the word",
    ),
    # the server
    "reference_server/__init__.py": (
        "tests/reference_server/test_app.py",
        "it puts off the import of the application",
    ),
    "reference_server/metrics.py": (
        "tests/reference_server/web/test_operations.py",
        "its figures are those of the endpoint",
    ),
    "reference_server/models/connection.py": (
        "tests/reference_server/integration/test_connection.py",
        "a connection needs a socket and real time",
    ),
    "reference_server/store/migrations/*": (
        "tests/reference_server/store/test_schema.py",
        "migrations are compared with the tables that modules name",
    ),
    "reference_server/streams/keeper.py": (
        "tests/reference_server/test_app.py",
        "what is saved when is seen from outside",
    ),
    "reference_server/streams/reader.py": (
        "tests/reference_server/streams/test_runs.py",
        "a reader reads a run",
    ),
    "reference_server/streams/run.py": (
        "tests/reference_server/streams/test_runs.py",
        "a run is tested with the registry that starts and ends it",
    ),
    "reference_server/web/credentials.py": (
        "tests/reference_server/web/test_auth.py",
        "where a token is found is tested with what becomes of it",
    ),
    "reference_server/web/error_handlers.py": (
        "tests/reference_server/test_app.py",
        "the application has them",
    ),
    "reference_server/web/keys.py": (
        "tests/reference_server/web/test_tokens.py",
        "keys are tested with the tokens that they verify",
    ),
    "reference_server/web/parameters.py": (
        "tests/reference_server/web/test_requests.py",
        "what is read is tested with the requests that hold it",
    ),
    "reference_server/web/stream_endpoints.py": (
        "tests/reference_server/web/test_requests.py",
        "an endpoint is tested by its answers",
    ),
}


def mirror_of(path: Path) -> Path:
    name = path.parent.name if path.stem == "__init__" else path.stem.strip("_")
    return Path("tests", path.parent, f"test_{name}.py")


def has_a_mirror(path: Path) -> bool:
    return (ROOT / mirror_of(path)).is_file()


def only_declares(path: Path) -> bool:
    return not any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(parse(path))
    )


def patterns_for(path: Path) -> list[str]:
    return [pattern for pattern in ELSEWHERE if fnmatchcase(str(path), pattern)]


@pytest.mark.parametrize(
    ("module", "mirror"),
    [
        ("fakes/net/door.py", "tests/fakes/net/test_door.py"),
        ("fakes/recording/__init__.py", "tests/fakes/recording/test_recording.py"),
        ("conformance/__main__.py", "tests/conformance/test_main.py"),
    ],
)
def test_the_mirror_of_a_module(module: str, mirror: str) -> None:
    assert mirror_of(Path(module)) == Path(mirror)


def test_a_module_is_tested_under_its_name_or_where_the_list_says() -> None:
    missing = [
        str(path)
        for path in module_paths()
        if not (has_a_mirror(path) or only_declares(path) or patterns_for(path))
    ]

    assert missing == []


@pytest.mark.parametrize("pattern", ELSEWHERE)
def test_the_list_names_what_is_there_and_needed(pattern: str) -> None:
    where, _ = ELSEWHERE[pattern]
    named = [path for path in module_paths() if fnmatchcase(str(path), pattern)]
    needed = [path for path in named if not (has_a_mirror(path) or only_declares(path))]

    assert needed, f"{pattern} can be taken off the list"
    assert (ROOT / where).exists(), f"{where} is not there"
