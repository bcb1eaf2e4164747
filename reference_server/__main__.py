"""Where `streamproof-server` starts, also as `python -m streamproof.reference_server`.

Must not import anything of others before it can say which extra brings it: the bare
install has this command too, and only part of what the command needs.
"""

from __future__ import annotations

import sys

_EXTRA = "server"
_USAGE_ERROR = 2


def main() -> None:
    """Run the command line; a package that is not installed is one line and code 2."""
    try:
        from .cli import main as run  # noqa: PLC0415 -- see above

        run()
    except ModuleNotFoundError as problem:
        missing = (problem.name or "").partition(".")[0]
        if missing in {"", "streamproof"}:
            raise
        sys.stderr.write(
            f"streamproof-server: needs {missing}, which is not installed; "
            f"install streamproof[{_EXTRA}]\n"
        )
        sys.exit(_USAGE_ERROR)


if __name__ == "__main__":
    main()
