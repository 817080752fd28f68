"""``python -m gateway_worker`` is ``gateway-worker``."""

import sys

from gateway_worker.timing.garbage import imports


def main() -> None:
    """Run the command line; where only the client is installed, say how to get the rest."""
    try:
        with imports():
            from gateway_worker.cli.main import app  # noqa: PLC0415 (it may not be installed)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("gateway_worker"):
            raise
        sys.exit(
            f"gateway-worker: {missing.name} is not installed; only the client is there."
            " For a worker: pip install 'whatsapp-gateway-worker[worker]'"
        )
    app()


if __name__ == "__main__":
    main()
