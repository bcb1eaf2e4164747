"""Runs the toy server alone: its settings as JSON in the variable TOY_SETTINGS."""

from __future__ import annotations

import json
import os

import uvicorn
from tests.mutants.bases.toy.app import Settings, create_app

from streamproof.reference_server.http1.protocol import Config
from streamproof.reference_server.server import bind


def main() -> None:
    """Serve on a free port, which is said once it is open."""
    app = create_app(Settings(**json.loads(os.environ["TOY_SETTINGS"])))
    listener = bind("127.0.0.1", 0)
    config = Config(app, request_timeout_s=30, log_config=None, lifespan="on")
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201 -- how the bench learns the port
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
