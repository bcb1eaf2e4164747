"""Probes: the suite's side of every interaction with a target.

They gather evidence and never judge it. `PROBES` has all of them by name, `rigged`
makes a `Rig` that runs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..profiles.requests import expect_one_request
from . import (
    bad_requests,
    cancel,
    concurrency,
    credentials,
    idle,
    leave,
    plain,
    resume,
    sides,
    upstream,
)
from .bench.missing import MissingError
from .bench.probe import Probe
from .bench.rig import Rig, rigged
from .bench.surroundings import Surroundings
from .bench.tokens import Credentials, Fixed, Minted, Printed
from .carriers.connection import Target

__all__ = [
    "PROBES",
    "Credentials",
    "Fixed",
    "Minted",
    "MissingError",
    "Printed",
    "Probe",
    "Rig",
    "Surroundings",
    "Target",
    "expect_one_request",
    "rigged",
]

_MODULES = (
    plain,
    idle,
    resume,
    cancel,
    leave,
    credentials,
    concurrency,
    upstream,
    bad_requests,
    sides,
)

PROBES: Mapping[str, Probe] = MappingProxyType(
    {probe.name: probe for module in _MODULES for probe in module.PROBES}
)
"""Every probe by its name, in the order in which a report shows them."""
