"""What a fake model says and does: one model for every way in.

A prompt's directives, the control API, a TOML file and Python all say the same words.
"""

from __future__ import annotations

from .faults import (
    ENDINGS,
    Drop,
    Fail,
    Fault,
    Garble,
    Garbling,
    InStreamError,
    Omit,
    Page,
    Truncate,
)
from .fields import MAX_TOKENS, Strict
from .loading import (
    check_library,
    check_part,
    load_library,
    parse_library,
    parse_script,
    parse_scripts,
)
from .model import REPEATABLE, WORDS, Library, Match, Rule, Script
from .transport import Drip, Wire
from .words import (
    DEFAULT_TOKENS,
    SAID,
    Cost,
    Delay,
    Hold,
    KeepAlive,
    Linger,
    Queue,
    Quota,
    Refuse,
    Said,
    Say,
    Spread,
    Stall,
    Stop,
    Think,
    Tool,
)

__all__ = [
    "DEFAULT_TOKENS",
    "ENDINGS",
    "MAX_TOKENS",
    "REPEATABLE",
    "SAID",
    "WORDS",
    "Cost",
    "Delay",
    "Drip",
    "Drop",
    "Fail",
    "Fault",
    "Garble",
    "Garbling",
    "Hold",
    "InStreamError",
    "KeepAlive",
    "Library",
    "Linger",
    "Match",
    "Omit",
    "Page",
    "Queue",
    "Quota",
    "Refuse",
    "Rule",
    "Said",
    "Say",
    "Script",
    "Spread",
    "Stall",
    "Stop",
    "Strict",
    "Think",
    "Tool",
    "Truncate",
    "Wire",
    "check_library",
    "check_part",
    "load_library",
    "parse_library",
    "parse_script",
    "parse_scripts",
]
