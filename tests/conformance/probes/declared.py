"""Runs one probe of the suite with a profile, for what it sends and notes."""

from __future__ import annotations

import time
from pathlib import Path

import anyio

from streamproof.conformance.model import Evidence
from streamproof.conformance.probes import (
    PROBES,
    Credentials,
    Fixed,
    Minted,
    Rig,
    Surroundings,
    Target,
)
from streamproof.conformance.probes.bench.lag import LoopLag
from streamproof.conformance.profiles import Profile, load

NOWHERE = Target(scheme="http", host="127.0.0.1", port=1)
TOY = load(str(Path(__file__).parents[2] / "mutants/bases/toy/toy.toml"))


async def evidence_of(
    name: str,
    profile: Profile = TOY,
    *,
    target: Target = NOWHERE,
    credentials: Credentials | None = None,
    seed: int = 1,
) -> Evidence:
    """Run a probe against a target, with no model behind it."""
    surroundings = Surroundings(
        profile=profile,
        target=target,
        credentials=credentials or Minted("secret", wall_clock=time.time),
        clock=time.monotonic,
        wall_clock=time.time,
        patience_s=2.0,
    )
    lag = LoopLag(clock=time.monotonic, sleep=anyio.sleep)
    probe = {name: PROBES[name]}
    rig = Rig(surroundings=surroundings, probes=probe, seed=seed, lag=lag)
    return await rig.run(name)


def one_user() -> Credentials:
    """Return one token, which speaks for one user alone."""
    return Fixed("a-token")
