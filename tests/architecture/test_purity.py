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
    "conformance/profiles/grammar.py",
    "conformance/profiles/locate.py",
    "conformance/profiles/schema.py",
    "conformance/profiles/capabilities.py",
    "conformance/runner/plan.py",
    "conformance/runner/judge.py",
    "conformance/runner/result.py",
    "conformance/runner/events.py",
    "reference_server/sse.py",
    "reference_server/events.py",
    "reference_server/dialects/*.py",
    "fakes/script/fields.py",
    "fakes/script/words.py",
    "fakes/script/faults.py",
    "fakes/script/transport.py",
    "fakes/script/model.py",
    "fakes/script/locate.py",
    "fakes/directives.py",
    "fakes/player.py",
    "fakes/steps.py",
    "fakes/answer.py",
    "fakes/pace.py",
    "fakes/keepalive.py",
    "fakes/queues.py",
    "fakes/quotas.py",
    "fakes/gates.py",
    "fakes/keys.py",
    "fakes/rules.py",
    "fakes/namespaces.py",
    "fakes/journal.py",
    "fakes/assertions.py",
    "fakes/judging.py",
    "fakes/answering.py",
    "fakes/records.py",
    "fakes/operations.py",
    "fakes/clock.py",
    "fakes/content.py",
    "fakes/dice.py",
    "fakes/wording.py",
    "fakes/call.py",
    "fakes/http1.py",
    "fakes/delivery.py",
    "fakes/shaping.py",
    "fakes/providers/**/*.py",
    "fakes/recording/cassette.py",
    "fakes/recording/difference.py",
    "fakes/recording/forwarding.py",
    "fakes/recording/matching.py",
    "fakes/recording/redaction.py",
    "fakes/recording/response.py",
    "reference_server/event_log.py",
    "reference_server/limits.py",
    "reference_server/resume.py",
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
