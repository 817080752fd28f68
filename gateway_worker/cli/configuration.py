"""The settings of a command that a person typed."""

from typing import Any

import typer
from pydantic import ValidationError

from gateway_worker.cli.terminal import complain
from gateway_worker.settings.settings import Settings


def settings(**given: Any) -> Settings:
    """The settings, or a line for each thing that is wrong with them, and exit code 2; `given` goes before all else."""
    try:
        return Settings(**given)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False):
            complain("".join(f"{name}: " for name in error["loc"]) + error["msg"])
        raise typer.Exit(2) from None
