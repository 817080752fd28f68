"""From a delivery to a command. Pure.

The body decides, not the content type: backends send ``application/json`` as often as the CloudEvents one. What cannot
be a plain UTF-8 JSON envelope (compressed, in another character set, larger than 2 MiB) is invalid and is not parsed.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from consumers.dead_letters import REDRIVEN
from consumers.delivery import Delivery
from schemas.commands.commands import Command, parse_command
from schemas.errors import CommandInvalid
from schemas.model import StrictModel
from schemas.names import MAX_COMMAND_BYTES

_PLAIN: Final = frozenset({"", "utf-8", "utf8", "identity"})
_LONGEST_EXPIRATION: Final = 315_360_000_000  # ms: ten years, more than any broker accepts


def read(delivery: Delivery, now: datetime) -> Command[StrictModel]:
    """Read the command in a delivery that arrived `now`.

    Its `expires_at` is the earlier one of the envelope's `expiresat` and what is left of AMQP's `expiration`: the
    broker takes care of that one while a command is queued, we do while we hold it.

    Raises:
        CommandInvalid: it is poison.
    """
    if len(delivery.body) > MAX_COMMAND_BYTES:
        raise CommandInvalid.at("", f"is larger than {MAX_COMMAND_BYTES} bytes")
    if (delivery.content_encoding or "").strip().lower() not in _PLAIN:
        raise CommandInvalid.at("", "must not be compressed or encoded (AMQP content_encoding)")
    command = replace(parse_command(delivery.body), redriven=REDRIVEN in delivery.headers)
    expires_at = _expiration(delivery, now)
    if expires_at is None or (command.expires_at is not None and command.expires_at <= expires_at):
        return command
    return replace(command, envelope=command.envelope.model_copy(update={"expiresat": expires_at}))


def _expiration(delivery: Delivery, now: datetime) -> datetime | None:
    """When AMQP's `expiration` (milliseconds, as text) runs out at the latest."""
    text = delivery.expiration
    if text is None or not text.isascii() or not text.isdigit() or len(text) > len(str(_LONGEST_EXPIRATION)):
        return None
    return now + timedelta(milliseconds=min(int(text), _LONGEST_EXPIRATION))
