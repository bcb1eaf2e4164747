"""`python -m reference_server`."""

from .cli import main

main()
