"""The public surface of the package, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

from streamproof.conformance import wire

PROBE = """
import sys
before = set(sys.modules)
from streamproof.conformance import wire
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(loaded - set(sys.stdlib_module_names)))
"""


def test_all_is_sorted_short_and_true() -> None:
    names = wire.__all__

    assert names == sorted(names)
    assert len(names) <= 12
    assert all(hasattr(wire, name) for name in names)


def test_importing_the_package_loads_nothing_third_party() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
    )

    assert result.stdout.split() == ["streamproof"]
