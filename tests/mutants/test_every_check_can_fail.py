"""Each check fails on the server made for it, with the message it is meant to say.

And on the right server none does (design.md, invariant 4). Every mutant is a whole
server on a socket, in front of a fake provider in a process of its own.
"""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import ModuleType

import anyio
import pytest
from tests.mutants import wrong
from tests.mutants.base import Base
from tests.mutants.bases.chat import CHAT
from tests.mutants.bases.draft import DRAFT
from tests.mutants.bases.exercise import EXERCISE
from tests.mutants.bases.pipeline import PIPELINE
from tests.mutants.bases.story import STORY, STORY_REJECTED, STORY_REVISED
from tests.mutants.bases.toy.base import TOY, TOY_WITH_EVENT_FIELDS
from tests.mutants.bench import examine, fakes, right_server, serving
from tests.mutants.mutant import Mutant

from streamproof.conformance.catalogue import requirements
from streamproof.conformance.model import Judgement, Verdict

BASES = (PIPELINE, TOY, EXERCISE, DRAFT, CHAT, STORY)

JUDGED = {each.id: each for each in requirements() if not each.excluded}

SIDE_BY_SIDE = 4
"""Mutants at once. They mostly wait, so that four of them fill about one core."""

LATE = "the suite itself was late"
"""The runner's word for a finding that it does not trust on so busy a machine."""

IMPATIENCE_S = 3.0
"""Each response that a mutant does not end costs this long; a right one ends sooner,
also on a busy machine."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep out of the report what wrong servers log of their own wrongness."""
    caplog.set_level(logging.CRITICAL)


@pytest.fixture(scope="session")
def fakes_url() -> Iterator[str]:
    with fakes() as url:
        yield url


def word(judgement: Judgement) -> str:
    said = [f"expected {f.expected}, got {f.got}" for f in judgement.findings]
    said += [judgement.reason] if judgement.reason else []
    return f"{judgement.requirement.id} {judgement.verdict}: {'; '.join(said)}"


def is_right(judgement: Judgement) -> bool:
    """Tell whether a right server may be judged so: inapplicable is not declared."""
    return judgement.verdict in (Verdict.PASSED, Verdict.INAPPLICABLE)


def find_surprises(mutant: Mutant, fakes_url: str) -> list[str]:
    """Run a mutant; return what it should have tripped and did not, and the reverse."""
    probes = set(mutant.probes) or {JUDGED[id_].probes[0] for id_ in mutant.trips}
    seed = zlib.crc32(mutant.name.encode())
    with serving(mutant, fakes_url) as url:
        examine_it = partial(
            examine,
            mutant.base,
            url,
            fakes_url,
            probes=probes,
            seed=seed,
            patience_s=mutant.patience_s or IMPATIENCE_S,
        )
        judgements = anyio.run(examine_it)
    said = {judgement.requirement.id: word(judgement) for judgement in judgements}
    late = {j.requirement.id for j in judgements if LATE in j.reason}
    failed = {j.requirement.id for j in judgements if j.verdict is Verdict.FAILED}
    broken = {j.requirement.id for j in judgements if j.verdict is Verdict.ERRORED}
    tripped = (failed | late) & mutant.trips.keys()
    missed = mutant.trips.keys() - tripped
    others = (failed | broken - late) - mutant.trips.keys() - mutant.also.keys()
    mute = [id_ for id_ in sorted(tripped) if mutant.trips[id_] not in said[id_]]
    surprises = [f"does not fail: {said[id_]}" for id_ in sorted(missed)]
    surprises += [f"was not meant to fail: {said[id_]}" for id_ in sorted(others)]
    surprises += [f"does not say {mutant.trips[i]!r}: {said[i]}" for i in mute]
    return [f"{mutant.name}: {surprise}" for surprise in surprises]


def test_every_requirement_has_a_mutant() -> None:
    tripped = {id_ for mutant in wrong.MUTANTS for id_ in mutant.trips}

    assert sorted(JUDGED.keys() - tripped) == []


def test_a_mutant_names_only_requirements_that_exist() -> None:
    named = {id_ for mutant in wrong.MUTANTS for id_ in (*mutant.trips, *mutant.also)}

    assert sorted(named - JUDGED.keys()) == []


def test_every_mutant_says_what_each_message_must_contain() -> None:
    silent = [m.name for m in wrong.MUTANTS if not all(m.trips.values())]

    assert silent == []


def test_every_mutant_has_a_name_of_its_own() -> None:
    names = Counter(mutant.name for mutant in wrong.MUTANTS)

    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.slow
def test_every_right_server_passes_all_that_it_declares(fakes_url: str) -> None:
    probes = {probe for each in JUDGED.values() for probe in each.probes}
    passed: set[str] = set()
    wrong_verdicts: list[str] = []

    for seed, base in enumerate(BASES):
        with right_server(base, fakes_url) as url:
            examine_it = partial(examine, probes=probes, seed=seed)
            judgements = anyio.run(partial(examine_it, base, url, fakes_url))
        passed |= {j.requirement.id for j in judgements if j.verdict is Verdict.PASSED}
        wrong_verdicts += [
            f"{base.name}: {word(each)}" for each in judgements if not is_right(each)
        ]

    assert wrong_verdicts == []
    assert passed == JUDGED.keys()


@pytest.mark.slow
def test_a_right_server_may_have_event_fields_in_some_events(fakes_url: str) -> None:
    with right_server(TOY_WITH_EVENT_FIELDS, fakes_url) as url:
        examine_it = partial(examine, probes={"complete", "marked-text"}, seed=0)
        judgements = anyio.run(
            partial(examine_it, TOY_WITH_EVENT_FIELDS, url, fakes_url)
        )
    verdicts = {each.requirement.id: each.verdict for each in judgements}

    assert verdicts["vocabulary.event-field"] is Verdict.PASSED
    assert [word(j) for j in judgements if j.verdict is Verdict.FAILED] == []


@pytest.mark.slow
@pytest.mark.parametrize("base", [STORY_REVISED, STORY_REJECTED], ids=lambda b: b.name)
def test_a_right_server_is_right_whichever_way_its_graph_goes(
    base: Base, fakes_url: str
) -> None:
    with right_server(base, fakes_url) as url:
        examine_it = partial(examine, probes={"complete", "replay"}, seed=0)
        judgements = anyio.run(partial(examine_it, base, url, fakes_url))

    assert [word(each) for each in judgements if not is_right(each)] == []


# XX: on a fully loaded machine a wrong server, stopped while it starts fifty runs, was
# seen to leave a socket unclosed. The cause is not known; the warning would fail a test
# of the checks for it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
@pytest.mark.parametrize("topic", wrong.TOPICS, ids=wrong.name_of)
def test_a_wrong_server_fails_what_it_breaks_and_nothing_else(
    topic: ModuleType, fakes_url: str
) -> None:
    wrapped = [mutant for mutant in topic.MUTANTS if mutant.patch is None]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = pool.map(lambda mutant: find_surprises(mutant, fakes_url), wrapped)
        surprises = [surprise for each in found for surprise in each]
    # What is patched is patched for all servers of this process.
    for mutant in topic.MUTANTS:
        if mutant.patch is not None:
            with pytest.MonkeyPatch.context() as patch:
                mutant.patch(patch)
                surprises += find_surprises(mutant, fakes_url)

    assert surprises == []
