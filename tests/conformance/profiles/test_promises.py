"""The built-in profiles: for each promise of a protocol page, the keys that declare it.

`promises/<name>.toml` goes through a page sentence by sentence; `common.toml` holds
what every profile declares. A key leads through tables by their names and through lists
by an index or by the name of an item (`sides[drafts].requests[an edit]`). What has no
key says why under `undeclared`, which is what no check can judge.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from streamproof.conformance.profiles import built_in_names
from streamproof.conformance.profiles.locate import line_of

PROMISES = Path(__file__).parent / "promises"
PROFILES = resources.files("streamproof.conformance.profiles")
TEXTS = {
    name: PROFILES.joinpath(f"{name}.toml").read_text("utf-8")
    for name in built_in_names()
}
VALUES = {name: tomllib.loads(text) for name, text in TEXTS.items()}
_PART = re.compile(r"\.?([^.\[\]]+)|\[([^\]]+)\]")

Key = tuple[str | int, ...]


def promises(page: str) -> list[dict[str, Any]]:
    """Return the promises of a page."""
    text = (PROMISES / f"{page}.toml").read_text("utf-8")
    found: list[dict[str, Any]] = tomllib.loads(text)["promise"]
    return found


def resolve(key: str, values: dict[str, Any]) -> Key:
    """Return the path that a key names; raise `LookupError` where there is none."""
    path: Key = ()
    node: Any = values
    for word, item in _PART.findall(key):
        if item:
            step: str | int = [each["name"] for each in node].index(item)
        else:
            step = int(word) if isinstance(node, list) else word
        node = node[step]
        path = (*path, step)
    return path


def declared(name: str) -> set[str]:
    """Return all keys that the promises of a profile's page name."""
    return {key for each in promises(name) for key in each.get("keys", [])}


def test_every_profile_has_its_page() -> None:
    pages = {file.stem for file in PROMISES.glob("*.toml")}

    assert pages == {*built_in_names(), "common"}


@pytest.mark.parametrize("name", built_in_names())
@pytest.mark.parametrize("of", ["its own page", "the common page"])
def test_each_promise_is_declared_on_some_line(name: str, of: str) -> None:
    page = name if of == "its own page" else "common"
    lost = []
    for promise in promises(page):
        for key in promise.get("keys", []):
            try:
                path = resolve(key, VALUES[name])
            except (LookupError, ValueError, TypeError):
                lost.append(f"{key} for {promise['says']}")
            else:
                assert line_of(TEXTS[name], path) is not None, key

    assert lost == []


@pytest.mark.parametrize("page", [*built_in_names(), "common"])
def test_a_promise_without_a_key_says_why(page: str) -> None:
    silent = [
        p["says"] for p in promises(page) if not {"keys", "undeclared"} & p.keys()
    ]

    assert silent == []


@pytest.mark.parametrize("name", built_in_names())
def test_what_a_profile_declares_is_promised_by_its_page(name: str) -> None:
    values = VALUES[name]
    own = [f"invariants[{each['name']}]" for each in values.get("invariants", [])]
    own += [f"payloads.{type_}" for type_ in values.get("payloads", {})]
    own += [
        f"framing.type.named.{x}" for x in values["framing"]["type"].get("named", {})
    ]
    own += [
        f"sides[{side['name']}].requests[{step['name']}]"
        for side in values.get("sides", [])
        for step in side["requests"]
    ]
    own += [f"endpoint.invalid[{x['name']}]" for x in values["endpoint"]["invalid"]]
    said = declared(name) | declared("common")

    assert [key for key in own if not any(k.startswith(key) for k in said)] == []
