"""`fakes/README.md` says what the code does."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import fakes
from fakes.call import _STATES, Fault, Outcome, Peer
from fakes.directives import COMMON_KEYS, SPELLINGS
from fakes.providers import PROVIDERS
from fakes.script import Script, parse_script

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


def test_every_outcome_fault_peer_and_state_is_explained() -> None:
    names = {*Outcome, *Fault, *Peer, *_STATES}

    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []


def test_every_provider_and_its_endpoints_are_in_the_table() -> None:
    for provider in PROVIDERS:
        for route in provider.routes:
            row = f"| `{provider.name}` | `{route.method} {route.path}` |"

            assert row in PAGE
