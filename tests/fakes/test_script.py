"""`script`: one strict model, errors that name the place and the remedy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

from streamproof.fakes.content import StopReason
from streamproof.fakes.errors import ScriptError
from streamproof.fakes.script import (
    Cost,
    Delay,
    Drop,
    Fail,
    Hold,
    Library,
    Match,
    Refuse,
    Rule,
    Say,
    Script,
    Stall,
    Stop,
    Think,
    Tool,
    load_library,
    parse_library,
    parse_script,
    parse_scripts,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_an_empty_script_is_a_script() -> None:
    assert parse_script("{}", where="script") == Script()


def test_every_word_is_read_with_units_in_its_keys() -> None:
    script = parse_script(
        """{"say": [{"kind": "think", "tokens": 2}, {"text": "a b"}, {"tokens": 3},
                    {"kind": "tool", "name": "f", "arguments": "{\\"a\\": 1}"},
                    {"kind": "refuse", "text": "no", "category": "cyber"}],
            "stop": {"reason": "length"},
            "usage": {"input_tokens": 90, "cached_tokens": 60},
            "delay": {"first_ms": 10, "each_ms": 2.5},
            "stall": [{"after": 1, "ms": 40}, {"after": 2}],
            "drop": {"after": 2, "how": "rst"},
            "hold": [{"at": "headers"}, {"at": "token", "after": 1}]}""",
        where="script",
    )

    assert script == Script(
        say=(
            Think(tokens=2),
            Say(text="a b"),
            Say(tokens=3),
            Tool(name="f", arguments='{"a": 1}'),
            Refuse(text="no", category="cyber"),
        ),
        stop=Stop(reason=StopReason.LENGTH),
        usage=Cost(input_tokens=90, cached_tokens=60),
        delay=Delay(first_ms=10, each_ms=2.5),
        stall=(Stall(after=1, ms=40), Stall(after=2)),
        drop=Drop(after=2, how="rst"),
        hold=(Hold(at="headers"), Hold(at="token", after=1)),
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{"stal": []}', "script: stal: unknown key, did you mean 'stall'"),
        (
            '{"stall": [{"aftr": 1}]}',
            "script: stall.0.aftr: unknown key, did you mean 'after'",
        ),
        (
            '{"delay": {"first": 1}}',
            "script: delay.first: unknown key, did you mean 'first_ms'",
        ),
        (
            '{"drop": {"after": "3"}}',
            "script: drop.after: expected a whole number, got '3'",
        ),
        (
            '{"drop": {"after": 1, "how": "off"}}',
            "script: drop.how: expected 'fin', 'rst' or 'half_close', got 'off'",
        ),
        (
            '{"fail": {"status": 200}}',
            "script: fail.status: expected at least 400, got 2",
        ),
        (
            '{"say": [{"text": "a", "tokens": 1}]}',
            "script: say.0: expected text or tokens, got both",
        ),
        (
            '{"say": [{"kind": "thnk"}]}',
            "script: say.0: unknown kind 'thnk', did you mean 'think'",
        ),
        (
            '{"say": [{"kind": "think", "tokns": 1}]}',
            "script: say.0.tokns: unknown key, did you mean 'tokens'",
        ),
        (
            '{"say": [{"txt": "a"}]}',
            "script: say.0.txt: unknown key, did you mean 'text'",
        ),
        (
            '{"say": [{"kind": "tool", "name": "f", "arguments": "[1]"}]}',
            "script: say.0.arguments: expected a JSON object as text, got '[1]'",
        ),
        (
            '{"say": [{"kind": "tool", "name": "f", "arguments": "{\\"a"}]}',
            "script: say.0.arguments: expected a JSON object as text, got '{\"a'",
        ),
        (
            '{"say": [{"kind": "tool"}]}',
            "script: say.0.name: expected a value, got nothing",
        ),
        (
            '{"stop": {"reason": "tired"}}',
            "script: stop.reason: expected 'stop', 'length', 'tool_calls', ",
        ),
        (
            '{"hold": [{"at": "token"}]}',
            "script: hold.0: expected after=N with at=token, got none",
        ),
        (
            '{"hold": [{"at": "end", "after": 1}]}',
            "script: hold.0: expected after only with at=token, got at=end",
        ),
        (
            '{"fail": {"status": 500}, "drop": {"after": 1}}',
            "script: expected one ending, got fail and drop",
        ),
        (
            "{",
            "script: expected JSON, got text with an error: EOF while parsing an ",
        ),
    ],
)
def test_a_bad_script_is_refused_by_place_and_reason(source: str, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(source, where="script")

    assert str(caught.value).lower().startswith(message.lower())


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "[]",
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        '{"a": %s}' % ("[" * 5000 + "]" * 5000),
        '{"a": %s}' % ("1" * 5000),
    ],
    ids=["empty", "list", "nan", "surrogate", "deep", "long"],
)
def test_arguments_that_nobody_could_read_are_refused(arguments: str) -> None:
    part = {"kind": "tool", "name": "f", "arguments": arguments}

    with pytest.raises(ScriptError, match="expected a JSON object as text"):
        parse_script(json.dumps({"say": [part]}), where="script")


def test_a_long_refused_value_is_quoted_only_in_part() -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script('{"drop": {"after": "%s"}}' % ("x" * 10_000), where="script")

    assert len(str(caught.value)) < 200


def test_a_library_is_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text(
        '[scripts.slow]\nsay = [{ text = "one two" }]\ndelay = { each_ms = 20 }\n'
    )

    assert load_library(path) == Library(
        scripts={"slow": Script(say=(Say(text="one two"),), delay=Delay(each_ms=20))}
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "[scripts.slow]\nstal = []\n",
            "2: scripts.slow.stal: unknown key, did you mean 'stall'",
        ),
        (
            "[scripts.slow.delay]\nfirst = 1\n",
            "2: scripts.slow.delay.first: unknown key, did you mean 'first_ms'",
        ),
        ("[script.slow]\n", "1: script: unknown key, did you mean 'scripts'"),
        (
            '[[rules]]\nscripts = [\n  { say = [{ txt = "a" }] },\n]\n',
            "3: rules.0.scripts.0.say.0.txt: unknown key, did you mean 'text'",
        ),
        (
            '[[rules]]\nmatch.modle = "m"\nscripts = ["a"]\n',
            "2: rules.0.match.modle: unknown key, did you mean 'model'",
        ),
        (
            '[scripts.slow]\n[[rules]]\nscripts = [\n  "slow",\n  "slo",\n]\n',
            "5: rules.0.scripts.1: unknown script 'slo', did you mean 'slow'",
        ),
        (
            '[[rules]]\nscripts = ["slow"]\n',
            "2: rules.0.scripts.0: unknown script 'slow', there is none",
        ),
        ("[[rules]]\n", "1: rules.0.scripts: expected a value, got nothing"),
        ("[scripts", " cannot be read as TOML: "),
    ],
)
def test_a_bad_library_is_refused_with_file_line_and_key(
    source: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text(source)

    with pytest.raises(ScriptError) as caught:
        load_library(path)

    assert str(caught.value).startswith(f"{path}:{message}")


def test_scripts_are_read_one_or_several() -> None:
    one, two = parse_scripts(b' [{"say": [{"text": "a"}]}, {}]', where="script")

    assert (one, two) == (Script(say=(Say(text="a"),)), Script())
    assert parse_scripts(b"{}", where="script") == (Script(),)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"[]", "script: expected at least 1 in the list, got 0"),
        (b'[{}, {"stal": []}]', "script: 1.stal: unknown key, did you mean 'stall'"),
        (
            b'[{"say": [{"txt": "a"}]}]',
            "script: 0.say.0.txt: unknown key, did you mean 'text'",
        ),
        (b"[1]", "script: 0: "),
        (b"[", "script: "),
    ],
)
def test_bad_scripts_are_refused_with_their_number(source: bytes, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_scripts(source, where="script")

    assert str(caught.value).startswith(message)


def test_a_library_is_laid_over_its_base() -> None:
    base = Library(
        scripts={"a": Script(), "b": Script()},
        rules=(Rule(match=Match(model="m"), scripts=("a",)),),
    )
    library = parse_library(
        '{"scripts": {"b": {"delay": {"each_ms": 1}}}, "rules": [{"scripts": ["a"]}]}',
        where="library",
        base=base,
    )

    assert set(library.scripts) == {"a", "b"}
    assert library.scripts["b"] == Script(delay=Delay(each_ms=1))
    assert library.rules == (Rule(scripts=("a",)),)


def test_what_a_script_dumps_is_read_again() -> None:
    script = Script(say=(Think(tokens=2), Say(text="a")), delay=Delay(first_ms=1))

    dumped = script.model_dump_json(exclude_defaults=True)

    assert parse_script(dumped, where="script") == script


@pytest.mark.parametrize("name", ["X-Test", "x test", ""])
def test_a_header_of_a_rule_is_a_name_in_lower_case(name: str) -> None:
    with pytest.raises(ValidationError, match="expected header names in lower case"):
        Match(header={name: "a"})


def test_a_missing_library_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read: No such file"):
        load_library(tmp_path / "none.toml")


def test_the_schema_of_a_script_can_be_printed() -> None:
    assert set(Script.model_json_schema()["properties"]) == set(Script.model_fields)


@pytest.mark.parametrize(("given", "sent"), [(-0.0, "0.0"), (3.0, "3.0")])
def test_a_time_to_retry_after_has_no_sign(given: float, sent: str) -> None:
    assert str(Fail(status=429, retry_after_s=given).retry_after_s) == sent


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000])
def test_toml_that_python_refuses_to_read_is_one_line(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text(text)
    with pytest.raises(ScriptError, match="cannot be read as TOML"):
        load_library(path)


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (Script, {"say": Say(text="x")}, "got Say(…) alone; write a tuple"),
        (Script, {"stall": Stall(after=1)}, "got Stall(…) alone"),
        (Library, {"rules": Rule(scripts=("a",))}, "got Rule(…) alone"),
        (Rule, {"scripts": Script()}, "got Script(…) alone"),
        (Rule, {"scripts": "a"}, "expected several"),
    ],
    ids=["say", "stall", "rules", "script", "name"],
)
def test_one_where_several_are_expected_is_told_how_to_be_written(
    model: type[BaseModel], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        model(**given)

    assert message in str(caught.value)


def test_a_list_does_where_several_are_expected() -> None:
    assert Script(say=[Say(text="x")]).say == (Say(text="x"),)  # type: ignore[arg-type]
