"""`python -m fakes`."""

from .cli import main

main()
