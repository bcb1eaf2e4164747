"""Checks: pure functions from evidence and profile to findings, one per requirement.

Each module is a topic, with the same stem as its file in `catalogue`. A check never
connects, reads no clock and never names a dialect.
"""

from __future__ import annotations

import importlib
import pkgutil

from ..evidence.untestable import Untestable
from .registry import CHECKS, Check, Sample, check

__all__ = ["CHECKS", "Check", "Sample", "Untestable", "check"]

# Importing a topic registers its checks.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f".{_module.name}", __name__)
