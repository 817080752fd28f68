"""The vCards of a message, read in slices of the event loop."""

from collections.abc import Mapping
from typing import Any, cast

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.vcards import reading
from schemas.content.content import ContactCard


def holds_cards(payload: Any) -> bool:
    """Whether a message, or what it does to another, has vCards: nothing else in a message takes as long."""
    if not isinstance(payload, dict):
        return False  # whoever reads it says so
    message = cast("dict[str, Any]", payload)
    content = (message.get("change") or message).get("content")
    return content is not None and content["kind"] == "contacts"


async def with_cards(payload: Any, pace: Pace) -> Any:
    """The same message with its vCards read as `cards`."""
    message = cast("Mapping[str, Any]", payload)
    if message.get("change"):
        return {**message, "change": await with_cards(message["change"], pace)}
    cards: list[ContactCard] = []
    for card in reading(message["content"]["vcards"]):
        if card is not None:
            cards.append(card)
        await pace.breathe()
    return {**message, "content": {"kind": "contacts", "cards": cards}}
