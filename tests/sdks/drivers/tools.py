"""The tools that a request offers, as every SDK wants them written.

The model calls them because its script says so; that they are offered is what a real
request looks like, and what some SDKs need in order to hand the calls on.
"""

from __future__ import annotations

from typing import Any


def schema(properties: dict[str, str]) -> dict[str, Any]:
    """Make a JSON schema that demands all the properties, given with their types."""
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMAS = {
    "get_weather": schema({"city": "string", "days": "integer"}),
    "get_time": schema({"zone": "string"}),
}
