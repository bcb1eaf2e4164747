"""What `fakes/README.md` says of recording and replaying is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from streamproof import fakes
from streamproof.fakes.cli import cli
from streamproof.fakes.recording.cassette import End, decode_cassette
from streamproof.fakes.recording.redaction import SECRET_FIELDS, SECRET_PARAMETERS

PAGE = (Path(fakes.__file__).parent / "README.md").read_text("utf-8")
SECTION = PAGE.partition("## Record and replay\n")[2].partition("\n## ")[0]


def test_the_sample_is_a_cassette() -> None:
    (sample,) = re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)
    cassette = decode_cassette(sample.encode(), where="README")

    assert len(cassette.recordings) == 1
    assert cassette.torn_at is None


@pytest.mark.parametrize("name", ["record", "replay"])
def test_every_option_is_in_its_table(name: str) -> None:
    table = SECTION.partition(f"| option of `{name}` |")[2].partition("\n\n")[0]
    group = typer.main.get_group(cli)
    command = group.commands[name]
    options = {
        option
        for parameter in command.params
        if parameter.param_type_name == "option"
        for option in parameter.opts
    } - {"--help"}

    assert set(re.findall(r"`(--[a-z-]+)`", table)) == options


def test_every_end_and_every_secret_is_named() -> None:
    names = {*End, *SECRET_FIELDS, *SECRET_PARAMETERS}

    assert [name for name in sorted(names) if f"`{name}`" not in SECTION] == []
