"""`python -m streamproof.fakes`."""

from .cli import main

main()
