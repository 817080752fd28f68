"""The settings of a command that a person typed."""

import typer
from pydantic import ValidationError

from gateway_worker.cli.terminal import errors
from gateway_worker.settings import Settings


def settings() -> Settings:
    """The settings, or a readable list of what is wrong with them and exit code 2."""
    try:
        return Settings()
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False):
            name = "_".join(["GATEWAY", *(str(part) for part in error["loc"])]).upper()
            errors.print(f"[red]{name}[/]: {error['msg']}")
        raise typer.Exit(2) from None
