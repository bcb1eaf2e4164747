"""Each form that a profile can declare has a mutant, or a row that says why not.

The author of a new form adds it here: with a base server that declares it, and
for an invariant with a mutant whose words name it; or else with a reason below.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from tests.mutants import wrong
from tests.mutants.bases.chat import CHAT
from tests.mutants.bases.draft import DRAFT
from tests.mutants.bases.exercise import EXERCISE
from tests.mutants.bases.pipeline import PIPELINE
from tests.mutants.bases.story import STORY, STORY_REJECTED, STORY_REVISED
from tests.mutants.bases.toy.base import TOY, TOY_WITH_EVENT_FIELDS

from streamproof.conformance.profiles import load
from streamproof.conformance.profiles.invariants import Invariant
from streamproof.conformance.profiles.schema import Profile

PROFILES = {
    base.name: load(base.profile, base.overrides)
    for base in (
        PIPELINE,
        TOY,
        TOY_WITH_EVENT_FIELDS,
        EXERCISE,
        CHAT,
        DRAFT,
        STORY,
        STORY_REVISED,
        STORY_REJECTED,
    )
}

UNJUDGED = "no check judges it: `profiles.unjudged` has its row"
PARAMETER = "a value that a check compares with: it fails alike at the default"
NO_SERVER = "no base speaks a protocol that has it; unit tests of its check do"

WITHOUT = {
    "auth.challenge": PARAMETER,
    "auth.rejection": UNJUDGED,
    "auth.status": PARAMETER,
    "auth.token": NO_SERVER,
    "cancel.explicit.*_status": PARAMETER,
    "cancel.on_disconnect": UNJUDGED,
    "cancel.within_s": PARAMETER,
    "endpoint.accept": PARAMETER,
    "endpoint.captures.header": NO_SERVER,
    "endpoint.content_type": PARAMETER,
    "endpoint.follow_up*": UNJUDGED,
    "endpoint.headers": PARAMETER,
    "endpoint.invalid.path": NO_SERVER,
    "endpoint.setup*": UNJUDGED,
    "framing.data": NO_SERVER,
    "framing.max_line_bytes": PARAMETER,
    "framing.type.default": NO_SERVER,
    "framing.type.event_field_optional": NO_SERVER,
    "framing.type.keys": NO_SERVER,
    "framing.type.known": NO_SERVER,
    "heartbeat.fatal_forms": NO_SERVER,
    "heartbeat.promised": UNJUDGED,
    "heartbeat.tolerance_s": PARAMETER,
    "ids.first": PARAMETER,
    "ids.location": NO_SERVER,
    "ids.only_on": UNJUDGED,
    "ids.separator": PARAMETER,
    "ids.step": PARAMETER,
    "latency.*": PARAMETER,
    "limits.retry_after": NO_SERVER,
    "limits.status": PARAMETER,
    "refusal.*": PARAMETER,
    "response.stream_id": UNJUDGED,
    "response.stream_id.*": UNJUDGED,
    "resume.body": UNJUDGED,
    "resume.finished_status": PARAMETER,
    "resume.method": NO_SERVER,
    "resume.name": UNJUDGED,
    "resume.path": NO_SERVER,
    "resume.query": UNJUDGED,
    "resume.second_reader": UNJUDGED,
    "resume.sends_body": NO_SERVER,
    "resume.snapshot": UNJUDGED,
    "sides.requests.captures.event": NO_SERVER,
    "sides.requests.captures.header": NO_SERVER,
    "sides.requests.headers": PARAMETER,
    "terminal.*.has": NO_SERVER,
    "terminal.close_within_s": PARAMETER,
    "terminal.error.where": NO_SERVER,
    "terminal.rotates_after_s": UNJUDGED,
    "terminal.sentinel": NO_SERVER,
}
"""Optional keys that no base declares, and why; `*` stands for any rest."""


def test_every_optional_key_is_declared_by_a_right_server_or_named_here() -> None:
    declared = {key for each in PROFILES.values() for key in declared_keys(each)}
    open_ = set(optional_keys(Profile)) - declared

    assert sorted(k for k in open_ if not any(fnmatch(k, p) for p in WITHOUT)) == []
    assert sorted(p for p in WITHOUT if not any(fnmatch(k, p) for k in open_)) == []


def test_every_invariant_of_a_right_server_is_broken_by_a_mutant() -> None:
    broken = {(profile, name) for profile, name, _ in broken_invariants()}
    declared = {(p.name, each.name) for p in PROFILES.values() for each in p.invariants}

    assert sorted(declared - broken) == []


def test_every_kind_and_form_of_an_invariant_is_broken_by_a_mutant() -> None:
    kinds = get_args(get_args(Invariant)[0])
    forms = {form for kind in kinds for form in forms_of(kind)}
    broken = {form for *_, each in broken_invariants() for form in set_forms(each)}

    assert sorted(forms - broken) == []


def broken_invariants() -> Iterator[tuple[str, str, BaseModel]]:
    """Yield the invariants whose name a mutant expects to read, with their profile."""
    for mutant in wrong.MUTANTS:
        profile = PROFILES[mutant.base.name]
        words = mutant.trips.get("vocabulary.invariants", "")
        for each in profile.invariants:
            if each.name in words:
                yield profile.name, each.name, each


def forms_of(kind: type[BaseModel]) -> Iterator[str]:
    """Yield the kind's name and its options: keys, or the values of a closed set."""
    yield kind.__name__
    for name, field in kind.model_fields.items():
        if field.is_required():
            continue
        if get_origin(field.annotation) is Literal:
            for value in get_args(field.annotation):
                yield f"{kind.__name__}.{name}={value}"
        else:
            yield f"{kind.__name__}.{name}"


def set_forms(invariant: BaseModel) -> Iterator[str]:
    """Yield the same of one invariant: the kind, and those options that it has."""
    kind = type(invariant)
    yield kind.__name__
    for name, field in kind.model_fields.items():
        value = getattr(invariant, name)
        if not field.is_required() and get_origin(field.annotation) is Literal:
            yield f"{kind.__name__}.{name}={value}"
        elif is_set(value, field):
            yield f"{kind.__name__}.{name}"


def optional_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys that a profile may leave out, those of invariants aside."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        if not field.is_required():
            yield key
        if name != "invariants":
            for inner in models_in(field.annotation):
                yield from optional_keys(inner, f"{key}.")


def declared_keys(value: BaseModel, prefix: str = "") -> Iterator[str]:
    """Yield those of them that a profile gives another value than the default."""
    for name, field in type(value).model_fields.items():
        key, found = f"{prefix}{name}", getattr(value, name)
        if is_set(found, field):
            yield key
        if isinstance(found, dict):
            found = tuple(found.values())
        for each in found if isinstance(found, tuple) else (found,):
            if isinstance(each, BaseModel) and name != "invariants":
                yield from declared_keys(each, f"{key}.")


def is_set(value: object, field: FieldInfo) -> bool:
    """Tell whether an optional field has another value than its default."""
    if field.is_required():
        return False
    default: object = field.get_default(call_default_factory=True)
    return value != default


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)
