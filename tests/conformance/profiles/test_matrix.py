"""Every protocol of public-protocols.md, section 1, can be said in a profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamproof.conformance.profiles import is_declared, load

MATRIX = sorted((Path(__file__).parent / "matrix").glob("*.toml"))


def test_no_protocol_is_missing() -> None:
    assert [file.stem for file in MATRIX] == [
        "a2a-http-json",
        "a2a-json-rpc",
        "ag-ui",
        "anthropic",
        "copilotkit",
        "durable-streams",
        "eventsource",
        "langgraph-legacy",
        "langgraph-v2",
        "mcp-2025-11-25",
        "mcp-2026-07-28",
        "mcp-http-sse",
        "open-responses",
        "openai-chat",
        "openai-responses",
        "vercel-ui",
    ]


@pytest.mark.parametrize("file", MATRIX, ids=lambda file: file.stem)
def test_a_protocol_of_the_matrix_is_well_formed(file: Path) -> None:
    assert load(str(file)).name == file.stem


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("eventsource", "resume"),
        ("eventsource", "completes"),
        ("ag-ui", "heartbeat"),
        ("copilotkit", "cancel.explicit"),
        ("openai-responses", "ids.numbered"),
        ("openai-chat", "auth.challenge"),
        ("mcp-2026-07-28", "resume"),
        ("langgraph-legacy", "cancel.explicit"),
        ("durable-streams", "ids"),
        ("durable-streams", "terminal"),
    ],
)
def test_a_form_without_a_check_is_not_judged(name: str, capability: str) -> None:
    file = Path(__file__).parent / "matrix" / f"{name}.toml"

    assert not is_declared(load(str(file)), capability)
