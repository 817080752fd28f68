"""An error, as events and results write it. Pure."""

from typing import Annotated, Any

from pydantic import WithJsonSchema

from schemas.errors import GatewayError, error_codes
from schemas.model import Model

ErrorCode = Annotated[str, WithJsonSchema({"type": "string", "enum": sorted(error_codes())})]
"""One of the codes of `schemas.errors`; text, since what was stored by a later version may hold a later one."""


class Failure(Model):
    """An error as the contract writes it: ``{code, message, detail?}``.

    Attributes:
        message: a sentence for people; it may change.
    """

    code: ErrorCode
    message: str
    detail: dict[str, Any] | None = None

    @classmethod
    def of(cls, error: GatewayError) -> "Failure":
        """What a backend is told of an error."""
        return cls(code=error.code, message=error.message, detail=error.detail)
