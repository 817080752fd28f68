"""From what an engine commits to the writes that keep keys and decrypted parts. Pure."""

from typing import Any

from gateway_worker.store.operations.identity import PutCredentials, PutKeys
from gateway_worker.store.operations.messages import NewEntry, PutEntries, PutSentPlaintext, SettleEntries
from gateway_worker.store.operations.operation import Operation
from gateway_worker.whatsapp.incoming import Entry, ReceivedChange, ReceivedMessage, Unreadable
from gateway_worker.whatsapp.incoming_changes import Commented
from gateway_worker.whatsapp.port import Changes


def key_operations(changes: Changes) -> list[Operation[Any]]:
    """What changed of credentials and keys, with what was decrypted and sent under them."""
    operations: list[Operation[Any]] = []
    if changes.credentials is not None:
        operations.append(PutCredentials(blob=changes.credentials))
    if changes.keys:
        operations.append(PutKeys(keys=changes.keys))
    if entries := [new_entry(each) for each in changes.entries if not _is_encrypted(each)]:
        operations.append(PutEntries(entries=entries))
    if changes.processed:
        operations.append(SettleEntries(message_ids=changes.processed))
    if changes.sent:
        operations.append(PutSentPlaintext(plaintexts=changes.sent))
    return operations


def new_entry(entry: Entry) -> NewEntry:
    """A decrypted part, as it is stored."""
    key = entry.key
    return NewEntry(
        chat=key.chat,
        sender=key.sender,
        message_id=key.message_id,
        index=key.index,
        plaintext=entry.plaintext,
        visible=_is_message(entry),
        unprocessed=entry.unprocessed,
    )


def _is_message(entry: Entry) -> bool:
    """It is something that somebody wrote; a comment is about another message, and one itself."""
    message = entry.message
    is_comment = isinstance(message, ReceivedChange) and isinstance(message.change, Commented)
    return is_comment or isinstance(message, ReceivedMessage)


def _is_encrypted(entry: Entry) -> bool:
    """Nobody has decrypted it: a person may look at it, the engine must not take it for a plaintext."""
    return isinstance(entry.message, Unreadable) and entry.message.is_encrypted
