"""The vCards of a message, read in slices of the event loop."""

from collections.abc import Mapping
from typing import Any, cast

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.vcards import reading
from schemas.content.content import ContactCard


async def with_cards(payload: Any, pace: Pace) -> Any:
    """The same message with its vCards read as `cards`: nothing else in a message, or in an edit, takes as long."""
    if not isinstance(payload, Mapping):
        return payload  # whoever reads it says so
    message = cast("Mapping[str, Any]", payload)
    if message.get("change"):
        return {**message, "change": await with_cards(message["change"], pace)}
    content = message.get("content")
    if not content or content["kind"] != "contacts":
        return message
    cards: list[ContactCard] = []
    for card in reading(content["vcards"]):
        if card is not None:
            cards.append(card)
        await pace.breathe()
    return {**message, "content": {"kind": "contacts", "cards": cards}}
