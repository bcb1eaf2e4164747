"""JSON values held against the schemas of a profile. Pure, and fetches nothing."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping

import jsonschema
import referencing
from jsonschema.exceptions import best_match
from pydantic import JsonValue


def breach_of(schema: Mapping[str, JsonValue], value: object) -> str:
    """Word the most telling breach of a schema; empty if there is none."""
    problem = best_match(_validator(json.dumps(schema)).iter_errors(value))
    return "" if problem is None else f"{problem.message[:200]} at {problem.json_path}"


@functools.lru_cache(maxsize=256)  # a profile has some ten payloads
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    """Compile a schema, which costs far more than to apply it once."""
    # An empty registry: the default one fetches what a $ref names, and no check may.
    return jsonschema.Draft202012Validator(
        json.loads(schema), registry=referencing.Registry()
    )
