"""`python -m streamproof.reference_server`."""

from .cli import main

main()
