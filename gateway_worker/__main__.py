"""``python -m gateway_worker`` is ``gateway-worker``."""

from gateway_worker.cli.main import app

app()
