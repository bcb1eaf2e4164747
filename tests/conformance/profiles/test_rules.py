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


MARKED = (
    "{{kind='marked', name='n', type='token-stream', pointer='/delta/text', "
    "marker='{marker}', by='error', value='/n', text='cat'{more}}}"
)
TOO_LONG = "{name='x', status=400, body={p='x'}, lengths={'/p'=9999999}}"
REST = ", rest={type='x', pointer='/r'}"
POINTER = ", pointer='/b'"
RETURNED = (
    "{kind='returned', name='n', to_type='error', to='/a', header='X', type='error'"
    f"{POINTER}}}"
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
        (["steering.shown=none"], "expected no `token` with shown = 'none', got one"),
        (["steering.shown=[1, 15]"], "up to calls_per_run = 14, got 15"),
        (["steering.shown=[]"], "expected"),
        (["steering.answers=[{calls=[15], text='ok'}]"], "calls_per_run = 14, got 15"),
        (
            ["steering.answers=[{calls=[1], text='x'}]"],
            "at least 2 characters, got 'x'",
        ),
        (
            ["steering.answers=[{calls=[1, 2], text='ok'}, {calls=[2, 3], text='ok'}]"],
            "expected one answer to each call, got a second one to 2",
        ),
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
        (["framing.type.pointers=['/a']"], "either `pointer` or `pointers`, got both"),
        (
            ["framing.type={location='event-field', pointers=['/a']}"],
            "expected no `pointers` with location = 'event-field'",
        ),
        (
            ["framing.type={location='json-pointer'}"],
            "expected `pointer` with location = 'json-pointer', got none",
        ),
        (["framing.type.named={x={}}"], "expected `type`, `where` or `has`, got none"),
        (["framing.type.data_only=true"], "expected no pinned `event:` field, got one"),
        (
            ["framing.type={location='both', pointer='/t', data_only=true}"],
            "a type in the data or none with `data_only`, got 'both'",
        ),
        (
            ["framing.type={location='both', pointer='/t', event_field='x'}"],
            "with location = 'both', got a pinned one",
        ),
        (["framing.type.event_fields={x='y'}"], "got 'x'"),
        (["order.anywhere=['node-enter']"], "that the grammar does not speak of, got"),
        (["order.anywhere='x'"], "expected a list, got 'x'"),
        (["heartbeat.cursor_value='/at'"], "expected `opens` with `cursor_value`"),
        (
            ["heartbeat={form='comment', opens=true, cursor_value='/at'}"],
            "a heartbeat that is an event with `cursor_value`, got 'comment'",
        ),
        (["heartbeat={form='none', opens=true}"], "no `opens` with form = 'none'"),
        (["errors.codes=['CANCELLED']"], "one of `codes` (CANCELLED), got 'UPSTREAM_"),
        (["errors.cancelled='STOPPED'"], "got 'STOPPED'"),
        (
            ["invariants=[{kind='returned', name='n', to_type='error', to='/a'}]"],
            "expected either `header` or `pointer`, got both or none",
        ),
        (
            [f"invariants=[{RETURNED}]"],
            "expected either `header` or `pointer`, got both or none",
        ),
        (
            [f"invariants=[{RETURNED.replace(POINTER, '')}]"],
            "expected `pointer` with `type`, got none",
        ),
        (
            ["invariants=[{kind='within', name='n', type='error', within_s=0}]"],
            "expected greater than 0, got 0",
        ),
        (
            ["invariants=[{kind='final', name='n', type='x', pointer='', value=1}]"],
            "got 'x'",
        ),
        (
            ["invariants=[{kind='followed', name='n', type='error', by=['x']}]"],
            "got 'x'",
        ),
        (
            ["invariants=[{kind='followed', name='n', type='error', by=[]}]"],
            "expected at least one item, got none",
        ),
        (
            ["invariants=[{kind='monotonic', name='n', pointer='/a', of='text'}]"],
            "expected 'number' or 'time', got 'text'",
        ),
        (
            [f"invariants=[{MARKED.format(marker='a', more='')}]"],
            "with one group, got 0 in 'a'",
        ),
        (
            [f"invariants=[{MARKED.format(marker='(x)', more='')}]"],
            "expected a text with a marker ((x)), got 'cat'",
        ),
        (
            [f"invariants=[{MARKED.format(marker='(', more='')}]"],
            "a regular expression, but",
        ),
        (
            [f"invariants=[{MARKED.format(marker='(a)', more=REST)}]"],
            "got 'x'",
        ),
        (["invariants=[{kind='surprise', name='n'}]"], "got 'surprise'"),
        (
            ["endpoint.invalid=[{name='x', status=400, lengths={'/prompt'=3}}]"],
            "expected a place in `body` with a text, got '/prompt'",
        ),
        (
            [f"endpoint.invalid=[{TOO_LONG}]"],
            "expected less than or equal to 4194304, got 9999999",
        ),
        (
            ["response={stream_id={event='error'}}"],
            "expected `pointer` with `event`, got none",
        ),
        (
            ["response={stream_id={request='/id', pointer='/id'}}"],
            "expected `event` with `pointer`, got none",
        ),
        (
            ["framing.type={location='none', event_field_optional=true}"],
            "expected `event_field` with `event_field_optional`, got none",
        ),
        (
            ["ids={form='none', only_on=['error']}"],
            "expected no `only_on` with form = 'none', got some",
        ),
        (["resume.snapshot=error"], "expected no `snapshot` with form = 'last-event"),
        (
            ["framing.data=text", "ids.location='/id'"],
            "expected 'id-field' with data = 'text', got '/id'",
        ),
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


@pytest.mark.parametrize(
    ("key", "wrong", "message"),
    [
        ("to_type", '"node-compl"', "expected a type that the profile has"),
        ("pointer", '"delta"', "expected a JSON pointer such as '/type', got 'delta'"),
        ("since", '"node"', "expected a type that the profile has"),
        ("sinse", '"x"', "unknown key; did you mean 'since'?"),
    ],
)
def test_what_is_wrong_with_an_invariant_is_named_by_file_line_and_key(
    key: str, wrong: str, message: str
) -> None:
    joined = TEXT.index('kind = "joined"')
    end = TEXT.index("[[", joined)
    head, rule, tail = TEXT[:joined], TEXT[joined:end], TEXT[end:]
    lines = [line for line in rule.splitlines() if line and not line.startswith(key)]
    index = head.count("[[invariants]]") - 1
    text = head + "\n".join([*lines, f"{key} = {wrong}", ""]) + tail
    line = text[: text.index(f"{key} = {wrong}", joined)].count("\n") + 1

    with pytest.raises(ProfileError) as caught:
        parse(text, origin="my.toml")

    said = str(caught.value).splitlines()
    assert any(
        each.startswith(f"my.toml:{line}: invariants.{index}.") and message in each
        for each in said
    ), said


def test_each_error_of_an_invariant_is_named_once() -> None:
    with pytest.raises(ProfileError) as caught:
        load("pipeline", ["invariants=[{kind='length', name='n', pointer='/a'}]"])

    assert str(caught.value).count("expected a value, got none") == 2
