"""JSON values held against the schemas of a profile."""

from pydantic import JsonValue

from streamproof.conformance.evidence.schemas import breach_of


def test_a_value_as_the_schema_has_it_breaches_nothing() -> None:
    assert breach_of({"type": "object", "required": ["a"]}, {"a": 1}) == ""


def test_a_breach_is_told_with_its_place() -> None:
    schema: dict[str, JsonValue] = {"properties": {"a": {"type": "integer"}}}

    assert breach_of(schema, {"a": "x"}) == "'x' is not of type 'integer' at $.a"


def test_nothing_is_fetched() -> None:
    schema: dict[str, JsonValue] = {"$defs": {"x": {"const": 1}}, "$ref": "#/$defs/x"}

    assert breach_of(schema, 1) == ""
    assert breach_of(schema, 2)
