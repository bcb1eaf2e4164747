"""What a profile must not say: contradictions, unknown names, what breaks a run."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from streamproof.conformance.errors import ProfileError
from streamproof.conformance.profiles import MAX_BYTES, load, parse

TEXT = (
    resources.files("streamproof.conformance.profiles")
    .joinpath("pipeline.toml")
    .read_text()
)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["limits.streams_per_user=true"], "expected a whole number, got true"),
        (["limits.status=429.0"], "expected a whole number, got 429.0"),
        (["heartbeat.interval_s='15'"], "expected a number, got '15'"),
        (["heartbeat.interval_s=inf"], "expected a finite number, got inf"),
        (["errors.timeout_s=nan"], "expected a finite number, got nan"),
        (["errors.timeout_s=1e9"], "expected less than or equal to 86400"),
        (["limits.retry_after='yes'"], "expected true or false, got 'yes'"),
        (["limits.status=0x" + "f" * 9000], "a number of at most 64 bits"),
        (["limits.status=" + "9" * 5000], "expected a whole number, got '999"),
        (["title=2026-01-01"], "expected no date or time"),
        (["auth.forms=[]"], "expected at least one item, got none"),
        (["auth.forms='bearer'"], "expected a list, got 'bearer'"),
        (["auth.forms=['none', 'bearer']"], "expected 'none' alone"),
        (["framing=1"], "expected a table, got 1"),
        (["order.error_after=node-entr"], "got 'node-entr'"),
        (["steering.token.type=tokens"], "got 'tokens'"),
        (["terminal.success=[{type='node-done'}]"], "got 'node-done'"),
        (["terminal.error=[{type='eror'}]"], "got 'eror'"),
        (["terminal.success=[{}]"], "expected `type`, `where` or `has`"),
        (["payloads.nodeenter={}"], "got 'nodeenter'"),
        (
            ["invariants=[{kind='count', name='n', type='x', pointer='', counts='y'}]"],
            "got 'x'",
        ),
        (["ids.only_on=['x']"], "got 'x'"),
        (["heartbeat={form='event'}"], "expected `event` with form = 'event', got"),
        (["heartbeat={form='json'}"], "expected `type` or `data` with form = 'json'"),
        (["heartbeat.fatal_forms=['event']"], "other than the heartbeat's own"),
        (["terminal.success=[]"], "expected `success` with form = 'event'"),
        (["terminal.form=sentinel"], "expected `sentinel` with form = 'sentinel'"),
        (["terminal.sentinel=x"], "expected no `sentinel` with form = 'event'"),
        (["terminal.form=none"], "expected no `success` with form = 'none'"),
        (["cancel.explicit=[{path='x'}]"], "expected a path that starts with '/'"),
        (["endpoint.path=/a b"], "without white space or '#', got '/a b'"),
        (["endpoint.body={p='x'}"], "expected {prompt} in the endpoint's path"),
        (['endpoint.headers={A="x\\r\\nB: y"}'], "expected one line of ASCII"),
        (["endpoint.headers={'A b'='x'}"], "expected a name of a header"),
        (["resume.form=query"], "expected `name` with form = 'query', got none"),
        (["resume.form=body"], "expected `name` with form = 'body', got none"),
        (["resume.form=path"], "expected {cursor} in `path` with form = 'path'"),
        (["resume.finished_status=20"], "expected greater than or equal to 100"),
        (["framing.data=text"], "expected data = 'json' with type location"),
        (["response.stream_id={}"], "expected one of `last_segment_of`"),
        (["framing.type.keys=['a']"], "expected no `keys` with location"),
        (["errors.code=/a~2"], "expected a JSON pointer"),
        (["payloads.error={'$ref'='http://x/y'}"], "expected a local $ref"),
        (["payloads.error={'$ref'='#/$defs/x'}"], "something in the same schema"),
        (["payloads.error={'$ref'='#'}"], "a $ref to itself"),
        (["payloads.error={'$id'='http://x/y'}"], "a schema without $id"),
        (["payloads.error={pattern='('}"], "is not a 'regex' at $.pattern"),
    ],
)
def test_what_would_break_a_run_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        load("pipeline", settings)

    assert message in str(caught.value)


def test_a_contradiction_is_named_with_file_line_and_key() -> None:
    old, new = 'error_after = "node-enter"', 'error_after = "node-entr"'
    line = TEXT[: TEXT.index(old)].count("\n") + 1

    with pytest.raises(ProfileError) as caught:
        parse(TEXT.replace(old, new), origin="my.toml")

    assert str(caught.value) == (
        f"my.toml:{line}: order.error_after: expected a type that the profile has "
        "(node-complete, node-enter, token-stream), got 'node-entr'"
    )


def test_a_local_reference_in_a_payload_is_fine() -> None:
    schema = "{'$defs'={x={type='object'}}, '$ref'='#/$defs/x'}"

    load("pipeline", [f"payloads.error={schema}"])


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "large.toml"
    file.write_text("#" * (MAX_BYTES + 1), "utf-8")

    with pytest.raises(ProfileError, match="expected a profile of at most 1048576 byt"):
        load(str(file))


def test_a_number_too_long_to_read_is_refused() -> None:
    with pytest.raises(ProfileError, match="expected TOML, but"):
        parse(f"name = {'9' * 5000}", origin="long.toml")


@pytest.mark.parametrize("depth", [100, 100_000])
def test_tables_without_bottom_are_refused(depth: int) -> None:
    text = f"name = {'[' * depth}{']' * depth}"

    with pytest.raises(ProfileError, match="at most 60 tables inside each other"):
        parse(text, origin="deep.toml")
