"""What a mutant is: a wrong server, and the requirements that it must fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from tests.mutants.asgi import Mutation, Wrap
from tests.mutants.base import Base
from tests.mutants.bases.pipeline import PIPELINE

from streamproof.reference_server.http1.protocol import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One defect, as a way to make a right server wrong.

    Attributes:
        name: what is wrong, in kebab case.
        defect: the real defect behind it, with its number in the list of failure
            modes where it has one.
        trips: requirement ids that must fail, each with words of its message.
        also: ids that may fail besides, each with the reason why that is right.
        probes: the probes to run; by default the first that each tripped id names.
        base: the right server.
        wrap: the wrong server as a wrapper around the right one.
        settings: the wrong server by its own settings.
        patch: the wrong server by a wrong part inside.
        patience_s: how long it may take for a response, None for as long as any.
        http: the wrong server as another HTTP implementation under the right one.
    """

    name: str
    defect: str
    trips: Mapping[str, str]
    also: Mapping[str, str] = field(default_factory=dict)
    probes: tuple[str, ...] = ()
    base: Base = PIPELINE
    wrap: Wrap = field(default_factory=Mutation)
    settings: Mapping[str, object] = field(default_factory=dict)
    patch: Callable[[pytest.MonkeyPatch], None] | None = None
    patience_s: float | None = None
    http: type[asyncio.Protocol] | str = Protocol
