"""The baseline answers what the others do: the same frames, on the same schedule."""

import http.client
import json
import socket
import threading
from time import perf_counter

import pytest

from streamproof.loadtests.benchmarks.canned import Baseline, response
from streamproof.loadtests.benchmarks.frames import FrameCounter
from streamproof.loadtests.benchmarks.streams import request_to


def test_an_answer_is_a_role_the_words_a_finish_and_a_terminator() -> None:
    counter = FrameCounter()

    counts = [counter.feed(moment) for moment in response(3)]

    assert counts == [1, 1, 1, 3]
    assert counter.is_at_end


@pytest.mark.parametrize("each_ms", [0.0, 2.0])
def test_what_it_says_is_http_and_no_sooner_than_told(each_ms: float) -> None:
    baseline = Baseline(tokens=3, first_ms=10, each_ms=each_ms)
    port = baseline.listen(0)
    served = threading.Event()

    def serve() -> None:
        while not served.is_set():
            baseline.turn()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            asked_at = perf_counter()
            connection.sendall(request_to(port))
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            lines = answer.read().decode().split("\n\n")
            took_ms = (perf_counter() - asked_at) * 1000
            served.set()
    finally:
        served.set()
        thread.join(10)
        baseline.close()

    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert [delta.get("content") for delta in deltas] == ["", *["tick "] * 3, None]
    assert lines[-2:] == ["data: [DONE]", ""]
    assert took_ms >= (10 + 2 * each_ms if each_ms else 0)
