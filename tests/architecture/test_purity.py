"""Pure modules do no I/O and read no clock (design.md, invariant 2)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PURE = [
    "conformance/model.py",
    "conformance/wire/*.py",
    "conformance/checks/*.py",
    "conformance/evidence/*.py",
    "conformance/profiles/grammar.py",
    "conformance/profiles/locate.py",
    "conformance/profiles/schema.py",
    "conformance/profiles/capabilities.py",
    "conformance/runner/plan.py",
    "conformance/runner/judge.py",
    "conformance/runner/result.py",
    "conformance/runner/events.py",
    "reference_server/streams/sse.py",
    "reference_server/streams/failure.py",
    "reference_server/streams/frame.py",
    "reference_server/dialects/*/render.py",
    "reference_server/dialects/pipeline/nodes.py",
    "reference_server/dialects/pipeline/progress.py",
    "reference_server/models/event_stream.py",
    "reference_server/models/fault.py",
    "reference_server/models/openai_chat.py",
    "reference_server/models/provider.py",
    "reference_server/models/retry.py",
    "fakes/script/fields.py",
    "fakes/script/words.py",
    "fakes/script/faults.py",
    "fakes/script/transport.py",
    "fakes/script/model.py",
    "fakes/script/locate.py",
    "fakes/script/directives.py",
    "fakes/plan/player.py",
    "fakes/plan/steps.py",
    "fakes/plan/answer.py",
    "fakes/plan/pace.py",
    "fakes/plan/keepalive.py",
    "fakes/calls/queues.py",
    "fakes/calls/quotas.py",
    "fakes/calls/gates.py",
    "fakes/keys.py",
    "fakes/script/rules.py",
    "fakes/namespaces.py",
    "fakes/calls/journal.py",
    "fakes/calls/assertions.py",
    "fakes/control/questions.py",
    "fakes/control/json_answers.py",
    "fakes/control/records.py",
    "fakes/control/operations.py",
    "fakes/net/clock.py",
    "fakes/content.py",
    "fakes/dice.py",
    "fakes/wording.py",
    "fakes/calls/call.py",
    "fakes/net/http1.py",
    "fakes/performance/delivery.py",
    "fakes/performance/shaping.py",
    "fakes/providers/**/*.py",
    "fakes/recording/cassette.py",
    "fakes/recording/difference.py",
    "fakes/recording/forwarding.py",
    "fakes/recording/matching.py",
    "fakes/recording/redaction.py",
    "fakes/recording/response.py",
    "reference_server/streams/event_log.py",
    "reference_server/streams/limits.py",
    "reference_server/streams/resume.py",
    "loadtests/benchmarks/figures.py",
]

IMPURE = {
    "anyio",
    "asyncio",
    "httpx",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
    "uuid",
}


def pure_files() -> list[Path]:
    return sorted(path for pattern in PURE for path in ROOT.glob(pattern))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("pattern", PURE)
def test_every_pattern_names_something(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


@pytest.mark.parametrize(
    "path", pure_files(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_pure_module_imports_no_io_no_clock_and_no_randomness(path: Path) -> None:
    modules = set(imported(ast.parse(path.read_text("utf-8"))))

    assert not modules & IMPURE


@pytest.mark.parametrize(
    "path", pure_files(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_pure_module_reads_no_wall_clock(path: Path) -> None:
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert not calls & {"now", "utcnow", "today"}
