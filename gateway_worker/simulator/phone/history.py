"""What a phone tells a new companion of the past: chats, addresses and names, then recent messages by chat. Pure.

A small chunk travels inside its notification, compressed; a larger one lies on the media host, encrypted like a file.
"""

import zlib
from collections.abc import Iterator

from gateway_worker.simulator.phone.disappearing import timer_of
from gateway_worker.simulator.phone.past_changes import changes_by_themselves, with_changes
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import (
    Conversation,
    HistorySync,
    HistorySyncMsg,
    Message,
    PhoneNumberToLIDMapping,
    Pushname,
)
from gateway_worker.simulator.wire.media import KEY_SIZE, seal
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.media import store
from gateway_worker.simulator.world.model import Account, World
from gateway_worker.simulator.world.phone_records import ChangeKind, Kept
from gateway_worker.simulator.world.turn import Turn

MAX_CONTACTS = 1_000
MAX_PER_CHAT = 100
"""The newest messages of a chat that a companion gets."""
CHATS_PER_CHUNK = 10
MAX_INLINE = 16_384
"""Bytes of a compressed chunk that its notification may carry. WhatsApp's own limit is not known."""

_Protocol = Message.ProtocolMessage
_Kind = HistorySync.HistorySyncType
_SYNC_TYPES = {
    _Kind.INITIAL_BOOTSTRAP: Message.HistorySyncType.INITIAL_BOOTSTRAP,
    _Kind.PUSH_NAME: Message.HistorySyncType.PUSH_NAME,
    _Kind.RECENT: Message.HistorySyncType.RECENT,
}


def history(turn: Turn, account: Account) -> list[Message]:
    """The chunks, in order: addresses, names, then as many as there are messages for. The last one is at 100 %."""
    world = turn.world
    recent = list(_recent(world, account))
    addresses, names = HistorySync(syncType=_Kind.INITIAL_BOOTSTRAP), HistorySync(syncType=_Kind.PUSH_NAME)
    for person in _people(world, account):
        names.pushnames.append(Pushname(id=person.pn_jid, pushname=person.name))
        mapping = PhoneNumberToLIDMapping(pnJid=person.pn_jid, lidJid=person.lid_jid)
        addresses.phoneNumberToLidMappings.append(mapping)
    addresses.conversations.extend(_listed(world, account))
    chunks = [addresses, names, *(HistorySync(syncType=_Kind.RECENT, conversations=chats) for chats in recent)]
    return [_notification(turn, account, chunk, order, len(chunks)) for order, chunk in enumerate(chunks, start=1)]


def _listed(world: World, account: Account) -> list[Conversation]:
    """All chats of the phone, without their messages."""
    chats = [Conversation(id=chat) for chat in {kept.chat: None for kept in account.primary.messages.values()}]
    for chat in chats:
        _with_timer(world, account, chat)
    return chats


def _with_timer(world: World, account: Account, conversation: Conversation) -> None:
    if (timer := timer_of(world, account.primary, conversation.id)) is not None:
        conversation.ephemeralExpiration = timer.seconds
        conversation.ephemeralSettingTimestamp = timer.changed_at


def _people(world: World, account: Account) -> list[Account]:
    """The person and everybody it has messages with."""
    users = {kept.chat for kept in account.primary.messages.values()}
    known = [found for jid in list(users)[:MAX_CONTACTS] if (found := world.find(jid)[0]) is not None]
    return [account, *(person for person in known if person is not account)]


def _recent(world: World, account: Account) -> Iterator[list[Conversation]]:
    """The chats with their newest messages, the newest first, as WhatsApp sends them."""
    chats: dict[str, list[Kept]] = {}
    for kept in account.primary.messages.values():
        if all(change.kind is not ChangeKind.REVOKE for change in kept.changes):
            chats.setdefault(kept.chat, []).append(kept)
    conversations = [_conversation(world, chat, messages[-MAX_PER_CHAT:]) for chat, messages in chats.items()]
    for conversation in conversations:
        _with_timer(world, account, conversation)
    for start in range(0, len(conversations), CHATS_PER_CHUNK):
        yield conversations[start : start + CHATS_PER_CHUNK]


def _conversation(world: World, chat: str, messages: list[Kept]) -> Conversation:
    person, _ = world.find(chat)
    group = world.groups.get(parse_jid(chat).user) if parse_jid(chat).server == GROUP_SERVER else None
    conversation = Conversation(
        id=chat,
        name=group.subject if group else (person.name if person else ""),
        conversationTimestamp=int(messages[-1].timestamp),
        unreadCount=sum(not kept.own and not kept.read for kept in messages),
        messages=[
            HistorySyncMsg(message=info, msgOrderId=order)
            for order, kept in reversed(list(enumerate(messages)))
            for info in [*reversed(list(changes_by_themselves(kept))), with_changes(kept)]
        ],
    )
    if person is not None:
        conversation.pnJid, conversation.lidJid = person.pn_jid, person.lid_jid
    return conversation


def _notification(turn: Turn, account: Account, chunk: HistorySync, order: int, count: int) -> Message:
    chunk.chunkOrder, chunk.progress = order, 100 * order // count
    notification = Message.HistorySyncNotification(
        syncType=_SYNC_TYPES[chunk.syncType], chunkOrder=order, progress=chunk.progress
    )
    compressed = zlib.compress(chunk.SerializeToString())
    if len(compressed) <= MAX_INLINE:
        notification.initialHistBootstrapInlinePayload = compressed
    else:
        _upload(turn, account, compressed, notification)
    kind = _Protocol.Type.HISTORY_SYNC_NOTIFICATION
    return Message(protocolMessage=_Protocol(type=kind, historySyncNotification=notification))


def _upload(turn: Turn, account: Account, chunk: bytes, notification: Message.HistorySyncNotification) -> None:
    """Puts a chunk on the media host; the notification tells where, and how it is read."""
    media_key = turn.world.entropy(KEY_SIZE)
    sealed = seal(chunk, media_key=media_key, kind="History")
    notification.directPath = store(turn, sealed.blob, frozenset({account.phone}))
    notification.mediaKey, notification.fileLength = media_key, len(chunk)
    notification.fileSha256, notification.fileEncSha256 = sealed.sha256, sealed.blob_sha256
