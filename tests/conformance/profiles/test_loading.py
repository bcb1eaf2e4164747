"""Loading profiles: by name, by file, with settings, and what is said of wrong ones."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from streamproof.conformance.errors import ProfileError
from streamproof.conformance.profiles import built_in_names, json_schema, load, parse

TEXT = (
    resources.files("streamproof.conformance.profiles")
    .joinpath("pipeline.toml")
    .read_text()
)


def complaint(old: str, new: str) -> str:
    """Return what is said of the pipeline profile with one change."""
    assert old in TEXT
    with pytest.raises(ProfileError) as caught:
        parse(TEXT.replace(old, new, 1), origin="my.toml")
    return str(caught.value)


def line_with(text: str) -> int:
    return TEXT[: TEXT.index(text)].count("\n") + 1


def test_every_built_in_profile_loads() -> None:
    assert "pipeline" in built_in_names()
    assert [load(name).name for name in built_in_names()] == built_in_names()


def test_a_profile_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TEXT.replace('name = "pipeline"', 'name = "mine"'), "utf-8")

    assert load(str(file)).name == "mine"


def test_an_unknown_name_is_met_with_the_nearest() -> None:
    with pytest.raises(ProfileError, match=r"did you mean 'pipeline'\?"):
        load("pipelin")
    with pytest.raises(ProfileError, match=r"got 'zzz'$"):
        load("zzz")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "latin.toml"
    file.write_bytes(b'name = "\xe9"')

    with pytest.raises(
        ProfileError, match=r"latin\.toml: expected UTF-8, got byte 0xe9 at offset 8"
    ):
        load(str(file))
    with pytest.raises(ProfileError, match="cannot read profile"):
        load(str(tmp_path))


def test_settings_lie_over_the_file() -> None:
    profile = load(
        "pipeline",
        ["heartbeat.interval_s=0.3", "title=plain words", "errors.timeout_s = 2"],
    )

    assert profile.heartbeat is not None
    assert profile.heartbeat.interval_s == 0.3
    assert profile.title == "plain words"
    assert profile.errors is not None
    assert profile.errors.timeout_s == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("interval", "expected --set key.path=value, got 'interval'"),
        ("=1", "expected --set key.path=value, got '=1'"),
        ("name.x=1", "'name' is a value, not a table"),
        (
            "heartbeat.interval_s=soon",
            "--set: heartbeat.interval_s: expected a number, got 'soon'",
        ),
        ("hartbeat.interval_s=1", "hartbeat: unknown key; did you mean 'heartbeat'?"),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, message: str) -> None:
    with pytest.raises(ProfileError, match=re.escape(message)):
        load("pipeline", [setting])


def test_text_that_is_no_toml_is_refused_with_its_place() -> None:
    with pytest.raises(ProfileError, match=r"^my\.toml: expected TOML, but .*line 1"):
        parse("name = = 1", origin="my.toml")


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        (
            "min_entropy_bits",
            "min_entropy_bit",
            "ids.min_entropy_bit",
            "unknown key; did you mean 'min_entropy_bits'?",
        ),
        (
            'pointer = "/node"\nvalues',
            'pointr = "/node"\nvalues',
            "invariants.0.pointr",
            "unknown key; did you mean 'pointer'?",
        ),
        (
            'line_end = "lf"',
            'line_end = "LF"',
            "framing.line_end",
            "expected 'lf', 'crlf', 'cr', 'any' or 'any-one', got 'LF'",
        ),
        (
            'grammar = "(node-enter',
            'grammar = "(node-enter (',
            "order.grammar",
            "expected ) for the ( at column 1",
        ),
        (
            '[payloads.error]\ntype = "object"',
            '[payloads.error]\ntype = "objct"',
            "payloads.error",
            "expected a JSON Schema, but 'objct'",
        ),
        (
            'code = "/delta/code"',
            'code = "delta/code"',
            "errors.code",
            "expected a JSON pointer such as '/type', got 'delta/code'",
        ),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_line(
    old: str, new: str, key: str, message: str
) -> None:
    said = complaint(old, new).splitlines()

    where = [line for line in said if f": {key}: {message}" in line]
    assert where, said
    changed = new.splitlines()[0]
    line = TEXT.replace(old, new, 1).split(changed)[0].count("\n") + 1
    assert where[0].startswith(f"my.toml:{line}: ")


def test_a_missing_key_is_named_with_the_line_of_its_table() -> None:
    said = complaint('name = "body is not JSON"\n', "")

    line = line_with("[[endpoint.invalid]]")
    assert (
        f"my.toml:{line}: endpoint.invalid.0.name: expected a value, got none" in said
    )


def test_the_branches_of_a_choice_are_not_part_of_the_key() -> None:
    said = complaint('[ids]\nform = "stream-', '[ids]\nlocation = "x"\nform = "stream-')

    assert "ids.location: expected 'id-field' or a JSON pointer" in said
    assert "function-after" not in said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'pointer = "/type"\n',
            "",
            "expected `pointer` with location = 'json-pointer', got none",
        ),
        (
            'location = "json-pointer"\n',
            'location = "present-key"\n',
            "expected `keys` with location = 'present-key', got none",
        ),
        (
            'token = { type = "token-stream", text = "/delta/text" }\n',
            "",
            "expected `token` with mode = 'prompt', got none",
        ),
    ],
)
def test_what_belongs_together_must_come_together(
    old: str, new: str, message: str
) -> None:
    assert message in complaint(old, new)


def test_an_unknown_kind_of_invariant_is_met_with_the_known_ones() -> None:
    assert "'sequence', 'equal'" in complaint('kind = "sequence"', 'kind = "sequnce"')


def test_a_key_that_is_like_none_is_met_with_all() -> None:
    said = complaint("[limits]\n", "[limits]\nzzz = 1\n")

    assert "known are code, retry_after, status, streams_per_user" in said


def test_the_schema_is_valid_json_schema_and_refuses_unknown_keys() -> None:
    schema = json.loads(json_schema())

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
