"""What a phone's messages look like over the control API: inbox, outbox, and what was done to messages. Pure."""

from typing import Any

from gateway_worker.simulator.content.reading import read_message
from gateway_worker.simulator.control.views import timestamp
from gateway_worker.simulator.world.model import Account
from gateway_worker.simulator.world.phone_records import Change, ChangeKind, Kept

Json = dict[str, Any]

_RANK = {"delivery": 1, "read": 2, "played": 3}
_STATUS = ("sent", "delivered", "read", "played")


def inbox(account: Account) -> list[Json]:
    """What others sent, in order of arrival."""
    return [_received(kept) for kept in account.primary.messages.values() if not kept.own]


def outbox(account: Account) -> list[Json]:
    """What the person sent, in order: by which device, how far it got, and every receipt."""
    return [_sent(kept) for kept in account.primary.messages.values() if kept.own]


def changes(account: Account) -> list[Json]:
    """What was done to earlier messages, by the person and others, in order."""
    return [_change(change) for change in account.primary.changes.values()]


def dropped(account: Account) -> list[Json]:
    """What the phone read and dropped, as WhatsApp would have, and why."""
    return [
        {
            "messageId": each.message_id,
            "chat": each.chat,
            "sender": each.sender,
            "cause": each.cause,
            "timestamp": timestamp(each.timestamp),
        }
        for each in account.primary.dropped
    ]


def _received(kept: Kept) -> Json:
    return {
        "messageId": kept.message_id,
        "chat": kept.chat,
        "sender": kept.sender,
        "timestamp": timestamp(kept.timestamp),
        **_content(kept),
        **({"notUnderstood": kept.not_understood} if kept.not_understood else {}),
        "copies": kept.copies,
    }


def _sent(kept: Kept) -> Json:
    rank = max((_RANK.get(receipt.type, 0) for receipt in kept.receipts), default=0)
    return {
        "messageId": kept.message_id,
        "chat": kept.chat,
        "device": kept.device,
        "timestamp": timestamp(kept.timestamp),
        **_content(kept),
        "copies": kept.copies,
        "status": _STATUS[rank],
        "receipts": [
            {"device": receipt.device, "type": receipt.type, "timestamp": timestamp(receipt.timestamp)}
            for receipt in kept.receipts
        ],
    }


def _content(kept: Kept) -> Json:
    """What a message says now, and what was done to it."""
    out = read_message(kept.message).to_json()
    if kept.file is not None:
        found = {"error": kept.file.error} if kept.file.error else {"size": kept.file.size, "sha256": kept.file.sha256}
        out["content"]["media"] |= found
    edits = [change for change in kept.changes if change.kind is ChangeKind.EDIT]
    if edits and edits[-1].edited is not None:
        out["content"] = read_message(edits[-1].edited).content
        out["edits"] = [_change(change) for change in edits]
    if revoked := [change for change in kept.changes if change.kind is ChangeKind.REVOKE]:
        out["revoked"] = _change(revoked[0])
    for name, kind in (("reactions", ChangeKind.REACTION), ("votes", ChangeKind.VOTE)):
        if current := _current(kept, kind):
            out[name] = current
    return out


def _current(kept: Kept, kind: ChangeKind) -> list[Json]:
    """Everybody's last reaction or vote, unless it was taken back."""
    last = {change.sender: change for change in kept.changes if change.kind is kind}
    return [_change(change) for change in last.values() if change.emoji or change.options]


def _change(change: Change) -> Json:
    out: Json = {
        "kind": change.kind,
        "messageId": change.message_id,
        "target": change.target,
        "chat": change.chat,
        "sender": change.sender,
        "timestamp": timestamp(change.timestamp),
        "copies": change.copies,
    }
    match change.kind:
        case ChangeKind.EDIT if change.edited is not None:
            out["content"] = read_message(change.edited).content
        case ChangeKind.REACTION:
            out["emoji"] = change.emoji
        case ChangeKind.VOTE:
            out["options"] = change.options
        case ChangeKind.COMMENT if change.edited is not None:
            out["content"] = read_message(change.edited).content
        case ChangeKind.RESPONSE:
            out["response"] = change.response
        case ChangeKind.PIN:
            out["pinned"] = change.stays
        case ChangeKind.KEEP:
            out["kept"] = change.stays
        case _:
            pass
    return out | ({"refused": change.refused} if change.refused else {})
