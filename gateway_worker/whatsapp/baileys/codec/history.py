"""A part of the history: from the bridge's JSON to the port's words, a slice of the loop at a time."""

from collections.abc import Sequence
from typing import Final

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.baileys.channel.decoding import Reader
from gateway_worker.whatsapp.baileys.channel.questions import HistoryArguments
from gateway_worker.whatsapp.baileys.codec.commits import entry_of
from gateway_worker.whatsapp.baileys.codec.facts import chat_timers_of
from gateway_worker.whatsapp.incoming import Entry, ReceivedChange, ReceivedMessage, StoredEntry, Unreadable
from gateway_worker.whatsapp.past import HistoryPart, PastMessage, Synced
from gateway_worker.whatsapp.people import ContactReport

_read: Final = Reader(HistoryArguments)


async def history_of(payload: object, blobs: Sequence[bytes]) -> HistoryPart:
    """What `history` carries; one blob for each entry. In slices: see `Pace`."""
    history, pace = _read.read(payload), Pace()
    part = history["part"]
    messages: list[PastMessage] = []
    unreadable: list[Entry] = []
    for entry, blob in zip(history["entries"], blobs, strict=True):
        found = await entry_of(entry, blob, pace)
        match found.message:
            case ReceivedMessage() | ReceivedChange():
                stored = StoredEntry(key=found.key, plaintext=blob)
                past = PastMessage(
                    entry=stored,
                    message=found.message,
                    status=entry["status"],
                    order=entry["order"],
                    opened=found.opened,
                )
                messages.append(past)
            case Unreadable():
                unreadable.append(found)
            case _:
                pass
        await pace.breathe()
    return HistoryPart(
        messages=messages,
        unreadable=unreadable,
        contacts=[ContactReport(**each) for each in history["contacts"]],
        synced=None if part is None else Synced(**part),
        processed=history["processed"],
        timers=chat_timers_of(history.get("timers", ())),
    )
