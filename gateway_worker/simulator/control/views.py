"""What the control API shows, as JSON. Pure."""

from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from gateway_worker.simulator.wire.linking.webauthn import RP_ID, Passkey
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.model import Account, World
from gateway_worker.simulator.world.phone_records import Call
from gateway_worker.simulator.world.records import Delivered, Note, Record

Json = dict[str, Any]


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with `Z`, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def phone(account: Account) -> Json:
    """A person: numbers, phone, companions, and who types."""
    primary = account.primary
    return {
        "phone": f"+{account.phone}",
        "name": account.name,
        "jid": account.pn_jid,
        "lid": account.lid_jid,
        "business": account.business,
        "passkey": account.passkey is not None,
        "passkeyCode": primary.passkey_code,
        "online": primary.online,
        "companions": [
            {
                "device": device.number,
                "jid": device.jid(),
                "connected": device.connection is not None,
                "available": device.available,
                "logins": device.logins,
                "prekeys": len(device.prekeys),
                "queued": len(device.queue),
                "appStateRead": sorted(device.app_state_read),
            }
            for device in account.companions
        ],
        "timers": [{"chat": chat, "seconds": timer.seconds} for chat, timer in primary.timers.items()],
        "chatStates": [
            {"chat": state.chat, "state": state.state, "timestamp": timestamp(state.timestamp)}
            for state in primary.chat_states.values()
        ],
    }


def passkey(held: Passkey) -> Json:
    """A passkey with its private key, as DevTools' `WebAuthn.addCredential` takes it."""
    return {
        "credentialId": b64encode(held.credential_id).decode(),
        "isResidentCredential": True,
        "rpId": RP_ID,
        "privateKey": b64encode(held.pkcs8).decode(),
        "userHandle": b64encode(held.user_handle).decode(),
        "signCount": 0,
    }


def group(chat: Group) -> Json:
    """A group and who is in it."""
    return {
        "groupId": chat.jid,
        "subject": chat.subject,
        "owner": f"+{chat.owner}",
        "participants": [f"+{member}" for member in chat.members],
        "admins": [f"+{member}" for member in chat.members if chat.is_admin(member)],
        "description": chat.description,
        "settings": sorted(chat.settings),
        "disappearingSeconds": chat.disappearing,
        "invite": chat.invite or None,
        "requests": [f"+{phone}" for phone in chat.requests],
    }


def call(made: Call) -> Json:
    """A call that a person made."""
    return {
        "callId": made.call_id,
        "to": made.to,
        "video": made.video,
        "state": made.state,
        "timestamp": timestamp(made.timestamp),
    }


def stats(world: World, open_connections: int) -> Json:
    """All counters, the open connections, and what waits in queues."""
    queues: Counter[str] = Counter()
    for account in world.accounts.values():
        for device in account.devices.values():
            if device.queue:
                queues[device.jid()] = len(device.queue)
    return {
        "connections": open_connections,
        "loggedIn": sum(connection.device is not None for connection in world.connections.values()),
        "phones": len(world.accounts),
        "companions": sum(len(account.companions) for account in world.accounts.values()),
        "queued": queues.total(),
        "queues": dict(queues),
        "faults": len(world.faults),
        "ledgerDropped": world.ledger.dropped,
        **world.stats.to_json(),
    }


def ledger(world: World, since: int, phone: str | None) -> list[Json]:
    """The ledger's records above that order number, of messages from or to that phone (None: any)."""
    return [_record(record) for record in world.ledger.since(since, phone)]


def _record(record: Record) -> Json:
    return {
        "messageId": record.message_id,
        "from": record.sender,
        "to": record.chat,
        "order": record.order,
        "accepted": [
            _note(note) | {"device": record.sender} | ({"resendTo": note.what} if note.what else {})
            for note in record.accepted
        ],
        "timesAccepted": record.times_accepted,
        "acked": record.acked,
        "refused": record.refused,
        "delivered": {jid: _delivered(delivered) for jid, delivered in record.delivered.items()},
    }


def _delivered(delivered: Delivered) -> Json:
    return {
        "own": delivered.own,
        "arrivals": delivered.arrivals,
        "firstArrival": _note(delivered.first_arrival) if delivered.first_arrival else None,
        "decrypted": delivered.decrypted,
        "firstDecrypted": _note(delivered.first_decrypted) if delivered.first_decrypted else None,
        "failures": delivered.failures,
        "receipts": [_note(note) | {"type": note.what} for note in delivered.receipts],
        "receipted": delivered.receipted,
    }


def _note(note: Note) -> Json:
    return {"at": timestamp(note.at), "order": note.order}
