"""`python -m streamproof`, the same as the command `streamproof`."""

from .conformance.__main__ import main

if __name__ == "__main__":
    main()
