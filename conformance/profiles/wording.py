"""The schema's complaints in the words of this project: "expected X, got Y".

Pure: one error of pydantic in, one line out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SHOULD_BE = "Input should be "
_MOST_SHOWN = 60

_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
}


def worded(error: Mapping[str, Any]) -> str:
    """Say what the schema wants and what is there instead, without a full stop."""
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    expected, got = _sides(error)
    return f"expected {expected}, got {got}"


def _sides(error: Mapping[str, Any]) -> tuple[str, str]:
    kind, message = str(error["type"]), str(error["msg"])
    limits: Mapping[str, Any] = error.get("ctx", {})
    expected, got = _EXPECTED.get(kind, message), shown(error["input"])
    match kind:
        case "missing":
            expected, got = "a value", "none"
        case "too_short":
            expected, got = "at least one item", "none"
        case "string_too_short":
            expected, got = "a text", "an empty one"
        case "union_tag_not_found":
            expected, got = f"a key {limits['discriminator']}", "none"
        case "union_tag_invalid":
            expected, got = f"one of {limits['expected_tags']}", repr(limits["tag"])
        case "string_pattern_mismatch":
            expected = f"a text that fits {limits['pattern']}"
    return expected.removeprefix(_SHOULD_BE), got


def shown(value: object) -> str:
    """Show a value of TOML on one line, not longer than a line has room for."""
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, dict):
        return "a table"
    elif isinstance(value, list):
        return "a list"
    else:
        text = json.dumps(value, default=str)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
