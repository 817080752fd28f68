"""A part of the history: from the bridge's JSON to the port's words. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway_worker.whatsapp.baileys.words import entry_key_of, message_of
from gateway_worker.whatsapp.incoming import ReceivedMessage, StoredEntry
from gateway_worker.whatsapp.past import HistoryPart, PastMessage, Synced
from gateway_worker.whatsapp.people import ContactNews


def history_of(told: Mapping[str, Any], blobs: Sequence[bytes]) -> HistoryPart:
    """What `history` carries; one blob for each entry."""
    part = told["part"]
    return HistoryPart(
        messages=[
            PastMessage(
                entry=StoredEntry(key=entry_key_of(entry["key"]), plaintext=blob),
                message=message,
                status=entry["status"],
                order=entry["order"],
            )
            for entry, blob in zip(told["entries"], blobs, strict=True)
            if isinstance(message := message_of(entry["message"]), ReceivedMessage)
        ],
        contacts=[ContactNews(**each) for each in told["contacts"]],
        synced=None if part is None else Synced(**part),
        processed=told["processed"],
    )
