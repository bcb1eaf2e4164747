"""Options that do not fit together are refused with what to give instead."""

from pathlib import Path

import pytest

from streamproof.conformance.errors import UsageError
from streamproof.conformance.options import find_credentials, find_ends
from streamproof.conformance.probes import Fixed, Minted, Printed

FAKES = "fakes --port {port}"
SERVER = "server --port {port} --model {upstream}/v1"


def ports() -> int:
    return 9000


def test_a_running_target_is_where_its_url_says() -> None:
    ends = find_ends("http://t:1/", None, None, "http://f:2/")

    assert (ends.target, ends.control, ends.commands) == (
        "http://t:1",
        "http://f:2",
        (),
    )


def test_started_ends_are_where_their_ports_are() -> None:
    numbers = iter([9000, 8000])

    ends = find_ends(None, SERVER, FAKES, None, pick_port=numbers.__next__)

    assert ends.target == "http://127.0.0.1:8000"
    assert ends.control == "http://127.0.0.1:9000"
    assert [each.option for each in ends.commands] == ["--start-upstream", "--start"]


def test_a_started_target_may_have_a_fake_provider_that_runs_already() -> None:
    ends = find_ends(None, SERVER, None, "http://f:2", pick_port=ports)

    assert ends.control == "http://f:2"
    assert ends.commands[0].words[-1] == "http://f:2/v1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((None, None, None, None), "base URL, or --start, got neither"),
        (("http://t", SERVER, None, None), "base URL or --start, got both: http://t"),
        (
            (None, SERVER, FAKES, "http://f"),
            "expected --control or --start-upstream, got both",
        ),
        (("http://t", None, FAKES, None), "expected --start together with --start-up"),
        (("t:80", None, None, None), "the target: expected a base URL such as"),
        (
            ("http://t", None, None, "f"),
            r"the fake provider \(--control\): expected a base URL",
        ),
    ],
)
def test_ends_that_do_not_fit_are_refused(
    given: tuple[str | None, str | None, str | None, str | None], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        find_ends(*given, pick_port=ports)


def test_without_an_option_there_are_no_credentials() -> None:
    assert find_credentials({"--token-env": None, "--token-file": None}) is None


async def test_a_secret_in_a_variable_mints_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "hush")

    source = find_credentials({"--token-secret-env": "SECRET"})

    assert isinstance(source, Minted)
    assert (await source.token("u")).count(".") == 2


def test_a_secret_in_a_file_is_taken_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b" hush \r\n")

    source = find_credentials({"--token-secret-file": file})

    assert isinstance(source, Minted)
    assert source._secret == " hush "


async def test_a_token_in_a_variable_is_everybodys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "mine")

    source = find_credentials({"--token-env": "TOKEN"})

    assert isinstance(source, Fixed)
    assert await source.token("u") == "mine"


def test_a_command_is_kept_for_later() -> None:
    assert isinstance(find_credentials({"--token-command": "print {user}"}), Printed)


def test_two_sources_of_tokens_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="got --token-env and --token-command"):
        find_credentials({"--token-env": "A", "--token-command": "b {user}"})


def test_a_variable_that_is_not_set_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SECRET", raising=False)

    with pytest.raises(UsageError) as problem:
        find_credentials({"--token-secret-env": "SECRET"})

    assert str(problem.value) == (
        "expected a value for --token-secret-env in SECRET, got nothing; "
        "export SECRET=... first"
    )


def test_an_empty_file_holds_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\n")

    with pytest.raises(UsageError, match="got an empty file"):
        find_credentials({"--token-secret-file": file})


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"of --token-file: .*: No such file"):
        find_credentials({"--token-file": tmp_path / "gone"})
