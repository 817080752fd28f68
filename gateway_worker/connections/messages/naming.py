"""Which of the messages under an id a command means. Pure."""

from collections.abc import Collection, Sequence

from gateway_worker.connections.base.names import NamesOf
from gateway_worker.store.records import MessageRecord
from schemas.addresses import Jid
from schemas.commands.messages import Reference


def one_of(
    found: Sequence[MessageRecord],
    reference: Reference,
    names_of: NamesOf,
    *,
    own: Collection[str],
    first_in: Jid | None = None,
) -> MessageRecord | None:
    """The first of those that `reference` may name, ours before others; None when there is none.

    Args:
        found: all messages under the id, ours first.
        reference: which.
        names_of: see there.
        own: the account's own JIDs.
        first_in: one of this chat comes first.
    """
    chats = None if reference.chat is None else names_of(reference.chat)
    sender = None if reference.sender is None else names_of(reference.sender)
    is_mine = sender is not None and not sender.isdisjoint(own)

    def is_meant(record: MessageRecord) -> bool:
        if chats is not None and chats.isdisjoint(names_of(record.chat)):
            return False
        if sender is None:
            return True
        if record.from_me or is_mine:
            return record.from_me and is_mine
        return not sender.isdisjoint(names_of(record.sender or record.chat))

    meant = [record for record in found if is_meant(record)]
    preferred = frozenset[str]() if first_in is None else names_of(first_in)
    here = [record for record in meant if not preferred.isdisjoint(names_of(record.chat))]
    return next(iter(here or meant), None)
