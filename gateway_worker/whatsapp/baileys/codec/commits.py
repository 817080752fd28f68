"""What the bridge commits, in the port's words: keys, and what was decrypted with them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast, overload

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.baileys.channel.decoding import Reader, named
from gateway_worker.whatsapp.baileys.channel.questions import CommitArguments, EntryArguments
from gateway_worker.whatsapp.baileys.codec.cards import holds_cards, with_cards
from gateway_worker.whatsapp.baileys.codec.messages import entry_key_of, message_of
from gateway_worker.whatsapp.baileys.codec.state import state_of
from gateway_worker.whatsapp.incoming import Entry, EntryKey, Sender, Unreadable
from gateway_worker.whatsapp.port import Changes, KeyId
from schemas.content.content import SetAsideReason

_read_commit: Final = Reader(CommitArguments)
_REASONS: Final[Mapping[str, SetAsideReason]] = {each.value: each for each in SetAsideReason}


async def changes_of(payload: object, blobs: Sequence[bytes]) -> Changes:
    """What `commit` carries; its blobs stand in the order credentials, keys, entries, sent. In slices: see `Pace`."""
    commit, rest = _read_commit.read(payload), iter(blobs)
    credentials = next(rest) if commit["credentials"] else None
    pace, keys, entries = Pace(), dict[KeyId, bytes | None](), list[Entry]()
    for kind, key_id, is_set in commit["keys"]:
        keys[kind, key_id] = next(rest) if is_set else None
        if pace.is_over():
            await pace.breathe()
    for entry in commit["entries"]:
        entries.append(await entry_of(entry, next(rest), pace))
        if pace.is_over():
            await pace.breathe()
    sent = {message_id: next(rest) for message_id in commit["sent"]}
    return Changes(
        credentials=credentials,
        keys=keys,
        entries=entries,
        sent=sent,
        processed=commit["processed"],
        finished=commit.get("finished", ()),
        state=await state_of(commit.get("state", ()), pace),
    )


async def entry_of(entry: EntryArguments, plaintext: bytes, pace: Pace) -> Entry:
    """A decrypted part; a message of it that we cannot read is told as that."""
    key = entry_key_of(entry["key"])
    try:
        said = entry["message"]
        message = message_of(await with_cards(said, pace) if holds_cards(said) else said)
    except Exception as error:  # noqa: BLE001 (a stranger's content, whatever it does to our code)
        message = unreadable(key, entry["message"], named(error))
    return Entry(
        key=key,
        plaintext=plaintext,
        message=message,
        unprocessed=entry.get("unprocessed", False),
        opened=entry.get("opened", False),
    )


def unreadable(key: EntryKey, payload: object, detail: str) -> Unreadable:
    """A message of which as much is told as can be without fail."""
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", payload) if isinstance(payload, Mapping) else {}
    aside = cast("Mapping[str, Any]", fields.get("set_aside") or {})
    sender = cast("Mapping[str, Any]", fields.get("sender") or {})
    timestamp, reason = fields.get("timestamp"), aside.get("reason")
    return Unreadable(
        message_id=key.message_id,
        chat=_text(fields.get("chat"), key.chat),
        sender=Sender(
            jid=_text(sender.get("jid"), key.sender), lid=_text(sender.get("lid")), phone=_text(sender.get("phone"))
        ),
        from_me=fields.get("from_me") is True,
        is_group=fields.get("is_group") is True,
        timestamp=timestamp if isinstance(timestamp, int) else 0,
        reason=_REASONS.get(reason, SetAsideReason.FAILED) if isinstance(reason, str) else SetAsideReason.FAILED,
        detail=_text(aside.get("detail"), detail),
        payload=None if aside else fields,
        is_encrypted=aside.get("is_encrypted") is True,
    )


@overload
def _text(value: object) -> str | None: ...
@overload
def _text(value: object, otherwise: str) -> str: ...
def _text(value: object, otherwise: str | None = None) -> str | None:
    return value if isinstance(value, str) else otherwise
