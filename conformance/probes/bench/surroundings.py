"""What all probes of a run share: target, model, credentials, clocks.

Values and one look-up; must not open or close anything, which is for `rig`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ...profiles import Profile
from ..carriers.connection import Target
from .allowance import Allowance
from .control import Control
from .missing import MissingError
from .tokens import Credentials, Minted

PATIENCE_S = 10.0
"""By how much a target may be later than its script before an exchange is given up. On
a machine with all cores busy a run takes seconds longer; a conformant target never
costs this time, a broken one costs it once for each exchange it does not end."""

UNSTEERED_S = 60.0
"""How long a run may take where the models are not steered: real ones answer in
seconds, and many time limits stand at a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where probes find themselves.

    Attributes:
        control: of the fake provider behind the target; None if there is none.
        credentials: None where the profile asks for none, or none are to be had.
        clock: monotonic seconds.
        wall_clock: seconds since the epoch.
        patience_s: see `PATIENCE_S`.
        allowance: what all exchanges together may keep.
    """

    profile: Profile
    target: Target
    credentials: Credentials | None
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    control: Control | None = None
    patience_s: float = PATIENCE_S
    allowance: Allowance = field(default_factory=Allowance)

    @property
    def is_steered(self) -> bool:
        """Tell whether the model can be told what to do, and its journal be read."""
        return self.profile.steering.mode != "none" and self.control is not None

    @property
    def model_s(self) -> float:
        """How long the models of a run may take, beyond what they were told to."""
        return 0.0 if self.is_steered else UNSTEERED_S

    @property
    def needs_credentials(self) -> bool:
        """Tell whether the target asks for a credential."""
        auth = self.profile.auth
        return auth is not None and auth.forms != ("none",)

    async def token(self, user: str) -> str:
        """Return a valid credential of this user, or nothing where none is needed.

        Raises:
            MissingError: there is none to be had.
        """
        if not self.needs_credentials:
            return ""
        if self.credentials is None:
            raise MissingError("no token, token command or secret was given")
        return await self.credentials.token(user)

    def mint(self, user: str, *, expires: int, algorithm: str = "HS256") -> str:
        """Return a token with an expiry, in s since the epoch, of the probe's choice.

        Raises:
            MissingError: there is no secret to sign it with.
        """
        if not isinstance(self.credentials, Minted):
            raise MissingError("no secret to mint tokens from was given")
        return self.credentials.mint(user, expires=expires, algorithm=algorithm)
