"""A run without the command line: options in, a result without secrets out."""

from pathlib import Path

import pytest

from streamproof.conformance.checkup import plan_checkup
from streamproof.conformance.errors import UsageError
from streamproof.conformance.model import Verdict
from streamproof.conformance.options import Options
from streamproof.conformance.runner.events import RunEvent, RunFinished, RunStarted
from streamproof.conformance.runner.plan import Filters
from streamproof.conformance.runner.result import ExitCode
from streamproof.conformance.runner.suite import built_in_suite

from .sse_site import PROFILE, serving

SUITE = built_in_suite()
FRAMING = Filters(only=("framing.no-bom",))
TOKEN = "a-token-that-must-not-be-shown"


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    file = tmp_path / "tiny.toml"
    file.write_text(PROFILE, "utf-8")
    return str(file)


async def test_a_run_comes_to_a_result_and_tells_what_happens(tiny: str) -> None:
    told: list[RunEvent] = []
    with serving() as url:
        checkup = plan_checkup(SUITE, Options(profile=tiny, url=url, filters=FRAMING))
        result = await checkup.run(emit=told.append)

    assert [j.verdict for j in result.judgements] == [Verdict.PASSED]
    assert result.exit_code is ExitCode.CONFORMANT
    assert isinstance(told[0], RunStarted)
    assert isinstance(told[-1], RunFinished)


async def test_no_credential_is_left_in_the_result(tmp_path: Path) -> None:
    guarded = tmp_path / "guarded.toml"
    guarded.write_text(PROFILE + "[auth]\n", "utf-8")
    token = tmp_path / "token"
    token.write_text(TOKEN, "utf-8")
    filters = Filters(only=("headers.content-type-event-stream",))
    tokens = {"--token-file": token}

    with serving(f"text/{TOKEN}") as url:
        options = Options(profile=str(guarded), tokens=tokens, filters=filters, url=url)
        checkup = plan_checkup(SUITE, options)
        result = await checkup.run()

    [judgement] = result.judgements
    assert judgement.verdict is Verdict.FAILED
    assert checkup.secrets == {TOKEN}
    assert TOKEN not in repr(judgement)


async def test_a_target_that_is_not_there_is_warned_of(tiny: str) -> None:
    warned: list[str] = []
    options = Options(profile=tiny, url="http://127.0.0.1:9", filters=FRAMING)

    result = await plan_checkup(SUITE, options).run(warn=warned.append)

    assert result.exit_code is ExitCode.INCOMPLETE
    assert "cannot connect to the target" in warned[0]


def test_what_is_planned_is_what_was_asked_for(tiny: str) -> None:
    options = Options(
        profile=tiny,
        start="serve {port} {upstream}",
        start_upstream="fakes {port}",
        settings=("terminal.close_within_s=2.0",),
        seed=7,
        strict=True,
    )

    checkup = plan_checkup(SUITE, options)

    assert checkup.config.seed == 7
    assert checkup.config.strict
    assert checkup.config.settings == options.settings
    assert checkup.config.plan.profile.terminal.close_within_s == 2.0
    assert [each.option for each in checkup.commands] == ["--start-upstream", "--start"]
    assert checkup.secrets == frozenset()


def test_every_run_has_a_seed_of_its_own(tiny: str) -> None:
    options = Options(profile=tiny, url="http://t:1")

    seeds = {plan_checkup(SUITE, options).config.seed for _ in range(8)}

    assert len(seeds) > 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "expected the target's base URL, or --start, got neither"),
        ({"url": "http://t:1", "settings": ("x=1",)}, "x"),
        ({"url": "http://t:1", "filters": Filters(only=("no.such",))}, "no.such"),
        (
            {"url": "http://t:1", "tokens": {"--token-env": "A", "--token-file": "B"}},
            "expected one source of tokens",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_starts(
    tiny: str, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        plan_checkup(SUITE, Options(profile=tiny, **changed))  # type: ignore[arg-type]  # of several types
