"""The Python of `fakes/README.md` runs, and does what the text around it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from streamproof import fakes
from streamproof.fakes.script import parse_script

pytest_plugins = ["pytester"]

PAGE = (Path(fakes.__file__).parent / "README.md").read_text("utf-8")


def block_behind(heading: str) -> str:
    """Return the first block of Python behind a heading."""
    section = PAGE.partition(f"{heading}\n")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None, heading
    return found[1]


def said_by(client: openai.OpenAI) -> str | None:
    with client:
        answer = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hello"}]
        )
    return answer.choices[0].message.content


def test_the_thread_server_says_what_the_library_says() -> None:
    names: dict[str, Any] = {"openai": openai, "said_by": said_by}
    exec(block_behind("## Where it runs") + "    said = said_by(client)", names)  # noqa: S102 -- our own page

    assert names["said"] == "Hi there"


def test_the_fakes_in_process_say_it_too() -> None:
    names: dict[str, Any] = {"openai": openai, "httpx2": httpx2}
    library = block_behind("## Where it runs").partition("with ThreadServer")[0]
    exec(library + block_behind("### In process"), names)  # noqa: S102 -- our own page

    assert said_by(names["client"]) == "Hi there"


def test_the_example_of_a_test_passes(pytester: pytest.Pytester) -> None:
    agent = """
import openai

def my_agent(question):
    with openai.OpenAI() as client:
        return client.responses.create(model="gpt-9", input=question).output_text

"""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(agent + block_behind("### In pytest"))

    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_script_made_in_python_is_one() -> None:
    names: dict[str, Any] = {}
    exec(block_behind("### TOML, and JSON for the control API"), names)  # noqa: S102 -- our own page

    assert (
        parse_script(names["script"].model_dump_json(), where="it") == names["script"]
    )
