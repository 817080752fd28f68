"""Stored messages as a phone passes them on, with what was done to them since. Pure.

Reactions, votes, answers, a pin and that a message is kept stand beside it; edits and comments are messages of their
own.
"""

from collections.abc import Iterator
from typing import Final

from gateway_worker.simulator.phone.changes import RESPONSES, poll_of
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import (
    EventResponse,
    KeepInChat,
    KeepType,
    Message,
    MessageAddOnContextInfo,
    MessageKey,
    PinInChat,
    PollUpdate,
    Reaction,
    WebMessageInfo,
)
from gateway_worker.simulator.wire.polls import option_hash
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.phone_records import Change, ChangeKind, Kept

_BY_THEMSELVES: Final = frozenset({ChangeKind.EDIT, ChangeKind.COMMENT})


def kept_as_stored(kept: Kept) -> WebMessageInfo:
    """A message as phones store and pass it on: its secret stands beside it."""
    info = WebMessageInfo(key=kept.key, message=kept.message, messageTimestamp=int(kept.timestamp))
    context = info.message.messageContextInfo
    if context.messageSecret:
        info.messageSecret = context.messageSecret
        context.ClearField("messageSecret")
    return info


def with_changes(kept: Kept) -> WebMessageInfo:
    """The same, and beside it what people last did to it."""
    info = kept_as_stored(kept)
    for change in _last_of_each(kept):
        _add(info, kept, change)
    return info


def changes_by_themselves(kept: Kept) -> Iterator[WebMessageInfo]:
    """What else was done to it, oldest first, as it came."""
    for change in kept.changes:
        if change.kind in _BY_THEMSELVES:
            info = WebMessageInfo(
                key=_key(kept, change), message=change.message, messageTimestamp=int(change.timestamp)
            )
            yield info


def _last_of_each(kept: Kept) -> list[Change]:
    last: dict[tuple[ChangeKind, str], Change] = {}
    for change in kept.changes:
        name = change.kind, "me" if change.own else change.sender
        last.pop(name, None)
        last[name] = change
    return list(last.values())


def _add(info: WebMessageInfo, kept: Kept, change: Change) -> None:
    key, ms = _key(kept, change), int(change.timestamp * 1_000)
    match change.kind:
        case ChangeKind.REACTION if change.emoji:
            info.reactions.append(Reaction(key=key, text=change.emoji, senderTimestampMs=ms))
        case ChangeKind.VOTE if poll_of(kept.message) is not None:
            vote = Message.PollVoteMessage(selectedOptions=[option_hash(each) for each in change.options])
            info.pollUpdates.append(PollUpdate(pollUpdateMessageKey=key, vote=vote, senderTimestampMs=ms))
        case ChangeKind.RESPONSE if change.response:
            answer = Message.EventResponseMessage(response=RESPONSES[change.response], timestampMs=ms)
            response = EventResponse(eventResponseMessageKey=key, timestampMs=ms, eventResponseMessage=answer)
            info.eventResponses.append(response)
        case ChangeKind.PIN if change.stays:
            seconds = change.message.messageContextInfo.messageAddOnDurationInSecs
            lasting = MessageAddOnContextInfo(messageAddOnDurationInSecs=seconds) if seconds else None
            info.pinInChat.CopyFrom(
                PinInChat(
                    type=PinInChat.PIN_FOR_ALL, key=info.key, senderTimestampMs=ms, messageAddOnContextInfo=lasting
                )
            )
        case ChangeKind.KEEP if change.stays:
            keep = KeepInChat(keepType=KeepType.KEEP_FOR_ALL, key=info.key, deviceJid=change.sender)
            keep.clientTimestampMs = ms
            info.keepInChat.CopyFrom(keep)
        case _:
            pass


def _key(kept: Kept, change: Change) -> MessageKey:
    key = MessageKey(remoteJid=kept.chat, fromMe=change.own, id=change.message_id)
    if parse_jid(kept.chat).server == GROUP_SERVER:
        key.participant = change.sender
    return key
