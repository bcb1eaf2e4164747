"""Makes `python -m conformance` the command `streamproof`."""

from .cli import main

main()
