"""`fakes/README.md` says what the code does."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from streamproof import fakes
from streamproof.fakes import Client
from streamproof.fakes.calls.call import _STATES, Outcome
from streamproof.fakes.control.api import Control
from streamproof.fakes.control.questions import ASSERTIONS
from streamproof.fakes.net.clock import VirtualClock
from streamproof.fakes.net.link import Peer
from streamproof.fakes.providers import PROVIDERS
from streamproof.fakes.script import (
    REPEATABLE,
    SAID,
    WORDS,
    Fault,
    Match,
    Script,
    parse_library,
    parse_script,
)
from streamproof.fakes.script.directives import COMMON_KEYS, SPELLINGS

PAGE = (Path(fakes.__file__).parent / "README.md").read_text("utf-8")


def test_every_word_is_in_the_table_with_its_keys() -> None:
    table = PAGE.partition("| word | keys |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| ", table, re.MULTILINE))

    for word, keys in SPELLINGS.items():
        assert set(re.findall(r"`(\w+)=", rows[word])) == set(keys), word
    assert all(f"`{key}=" in PAGE for key in COMMON_KEYS)


def test_the_toml_sample_is_a_library_of_every_word() -> None:
    (sample,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    commented = re.findall(r"^# (\w+) = (.*)$", sample, re.MULTILINE)
    scripts = tomllib.loads(sample)["scripts"]
    alternatives = [tomllib.loads(f"{word} = {value}") for word, value in commented]
    words = set(scripts["slow"]).union(*alternatives)

    for part in [scripts["slow"], *alternatives]:
        parse_script(json.dumps(part), where="README")
    assert words == set(Script.model_fields)


def test_the_toml_sample_has_a_rule_with_every_condition() -> None:
    (sample,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    library = parse_library(json.dumps(tomllib.loads(sample)), where="README")
    table = PAGE.partition("| condition | holds when |")[2].partition("\n\n")[0]

    assert library.rules[0].match.model_fields_set == set(Match.model_fields)
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(Match.model_fields)


def test_every_request_of_the_control_api_is_in_the_table() -> None:
    control = Control(timers=VirtualClock(), version="")
    rows = re.findall(r"^\| `([A-Z]+) /_fakes/([^`?]+)", PAGE, re.MULTILINE)
    assertions = {("GET", f"assert/{name}") for name in ASSERTIONS}

    known = {(method, path) for method, path, _ in control.routes}
    assert set(rows) == known | assertions


def test_every_assertion_is_in_the_table_with_its_parameters() -> None:
    for name, (parameters, _, _) in ASSERTIONS.items():
        query = "&".join(f"{parameter}=[NS]" for parameter in parameters)
        row = f"`GET /_fakes/assert/{name}{'[?]' * bool(query)}{query}`"

        assert re.search(row, PAGE), row


def test_every_method_of_the_clients_is_named() -> None:
    for name in (name for name in vars(Client) if not name.startswith("_")):
        assert name.startswith("assert_") or f"`{name}`" in PAGE, name


def test_every_outcome_fault_peer_and_state_is_explained() -> None:
    names = {*Outcome, *Fault, *Peer, *_STATES}

    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []


def test_every_provider_and_its_endpoints_are_in_the_table() -> None:
    for provider in PROVIDERS:
        for route in provider.routes:
            row = f"| `{provider.name}` | `{route.method} {route.path}` |"

            assert row in PAGE


def test_every_word_is_told_as_it_is_in_a_script_and_in_python() -> None:
    for word, model in WORDS.items():
        key = "say" if word in SAID else word
        many = " (a list)" if key in REPEATABLE else ""
        keys = ", ".join(f"`{name}`" for name in model.model_fields if name != "kind")

        assert f"| `{word}` | `{key}`{many} | `{model.__name__}` | {keys} |" in PAGE
