"""What the model is asked for a programme."""

from __future__ import annotations

import json

from tests.reference_server.asgi import Client
from tests.reference_server.model import ScriptedModel
from tests.reference_server.programmes import generate, programme


async def test_the_user_s_words_are_alone_and_unchanged(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = programme()
    prompt = '  [[fake:say text="a\\nb"]] ü\u2028 shoulder \n'

    await generate(client, prompt=prompt).finish()

    (call,) = model.calls
    assert [message["role"] for message in call.messages] == ["system", "user"]
    assert call.messages[1]["content"] == prompt


async def test_the_exercises_that_were_found_are_shown_to_the_model(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = programme()

    await generate(client).finish()

    _, *lines = model.calls[0].messages[0]["content"].splitlines()
    shown = [json.loads(line)["name"] for line in lines if line.startswith("{")]
    assert shown[:2] == ["Wall slide", "Pendulum"]


async def test_whose_programme_it_is_stays_here(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = programme()

    stream = await generate(client, mrn="MRN-77", clinic_id="CLINIC-9").finish()

    assert stream.status == 200
    said = json.dumps(model.calls[0].messages).encode() + stream.body
    assert b"MRN-77" not in said
    assert b"CLINIC-9" not in said
