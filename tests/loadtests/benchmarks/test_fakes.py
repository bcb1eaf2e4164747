"""The benchmark of the fakes survives a peer that is missing, and asks enough."""

from pathlib import Path

import pytest

from streamproof.loadtests.benchmarks import fakes
from streamproof.loadtests.benchmarks.peers import Peer, PeerError


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
