"""The benchmark of the fakes takes turns, and survives a contestant that fails."""

from pathlib import Path

import pytest

from streamproof.loadtests.benchmarks import fakes
from streamproof.loadtests.benchmarks.contest import Case, ContestError
from streamproof.loadtests.benchmarks.contestants import Contestant
from streamproof.loadtests.benchmarks.peers import Peer, PeerError


def contestant(name: str) -> Contestant:
    return Contestant(name=name, version="1", command=lambda *_: [])


def test_contestants_take_turns_and_one_that_fails_is_left_out_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[str] = []

    def run(who: Contestant, case: Case) -> dict[str, float]:
        ran.append(who.name)
        if ran == ["a", "b", "a", "b"]:
            raise ContestError("gave up")
        return {"order": len(ran)}

    monkeypatch.setattr(fakes, "run", run)
    both = [contestant("a"), contestant("b")]
    a, b = fakes.measure(both, fakes.FLOOD, 3, lambda _: None)

    assert ran == ["a", "b", "a", "b", "a"]
    assert (a.rounds, a.failure) == ([{"order": 1}, {"order": 3}, {"order": 5}], None)
    assert (b.rounds, b.failure) == ([{"order": 2}], "gave up")


def test_a_peer_that_cannot_be_installed_is_missing_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(folder: Path, constraints: Path | None) -> Peer:
        raise PeerError("no index")

    there = Peer(command=("node",), version="1")
    monkeypatch.setattr(fakes, "install_aimock", lambda folder: there)
    monkeypatch.setattr(fakes, "install_llmock", refuse)

    found, missing = fakes.gather(tmp_path)

    assert [each.name for each in found] == ["canned", "streamproof", "aimock"]
    assert missing == {"llmock": "no index"}


@pytest.mark.parametrize("streams", [200, 1000])
def test_no_paced_stream_ends_inside_the_window(streams: int) -> None:
    case = fakes.paced(streams)

    whole_s = case.script.tokens * case.script.each_ms / 1000
    assert whole_s > case.spread_s + case.settle_s + case.window_s
