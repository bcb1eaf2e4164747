"""Where the command `streamproof` starts, also as `python -m streamproof.conformance`.

Must not import anything of ours or others before it can say what became of that: the
imports take a moment in which a user may press Ctrl-C, and they may fail.
"""

from __future__ import annotations

import sys
import traceback

# Those of `runner.result.ExitCode` and of a shell, neither of which is loaded yet.
_HARNESS_ERROR = 4
_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit."""
    try:
        from .cli import main as run  # noqa: PLC0415 -- see above
    except KeyboardInterrupt:
        sys.stderr.write("streamproof: interrupted by SIGINT\n")
        sys.exit(_INTERRUPTED)
    except Exception as problem:  # noqa: BLE001 -- whatever it is, it is no verdict
        text = f"the suite cannot be loaded: {problem!r}"
        if "--debug" in sys.argv:
            traceback.print_exception(problem)
        else:
            text += "; --debug shows where"
        sys.stderr.write(f"streamproof: {text}\n")
        sys.exit(_HARNESS_ERROR)
    run()


if __name__ == "__main__":
    main()
