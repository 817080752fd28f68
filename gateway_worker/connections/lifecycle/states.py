"""The life of a session as a table. Pure.

A state says what a backend may expect; a trigger says what happened. Effects hang on the returned state, elsewhere.

::

    disconnected ──OPENED──▶ connecting ──QR_SHOWN / CODE_SHOWN──▶ qr_required / code_required
                                 │  ▲                                 │         │
                              LOGGED_IN └────────OPENED (515)─────────┘   PASSKEY_ASKED
                                 ▼                                              ▼
                             connected ──DROPPED──▶ disconnected          passkey_required
                                 └──UNLINKED / RESTRICTED / BROKEN──▶ logged_out / restricted / failed

    passkey_required ──PASSKEY_TAKEN──▶ passkey_confirm; both ──OPENED (515)──▶ connecting
    anything but deleted ──NO_ROOM──▶ waiting_for_capacity (nobody owns it, and the fleet is full)
    anything but deleted ──REMOVED──▶ deleted
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.events.sessions import SessionState as State


class Trigger(StrEnum):
    """What happened to a session."""

    NO_ROOM = "no_room"  # it should connect, and no worker has a free slot
    OPENED = "opened"  # we open a socket: first, again, or after 515
    QR_SHOWN = "qr_shown"  # WhatsApp gave the first QR
    CODE_SHOWN = "code_shown"  # WhatsApp gave a pairing code
    PASSKEY_ASKED = "passkey_asked"  # WhatsApp asks for a passkey
    PASSKEY_TAKEN = "passkey_taken"  # WhatsApp took it, and a code is to be compared
    LOGGED_IN = "logged_in"  # ready to send and receive
    DROPPED = "dropped"  # no socket any more, or none could be opened
    PAIRING_EXPIRED = "pairing_expired"  # nobody scanned or typed in time
    UNLINKED = "unlinked"  # the credentials are void, by the phone or by our logout
    RESTRICTED = "restricted"  # WhatsApp refuses the account
    BROKEN = "broken"  # a person must act before connecting makes sense
    REMOVED = "removed"  # session.delete


class InvalidTransition(Exception):  # noqa: N818 (the fact, not a fault of the caller's input)
    """The table has no such exit."""


PAIRING: Final = frozenset({State.QR_REQUIRED, State.CODE_REQUIRED, State.PASSKEY_REQUIRED, State.PASSKEY_CONFIRM})
LIVE: Final = frozenset({State.CONNECTING, State.CONNECTED}) | PAIRING  # a socket is open or being opened
FULFILLED: Final = frozenset({State.CONNECTED, State.LOGGED_OUT, State.RESTRICTED, State.FAILED, State.DELETED})
"""What an order comes to: whatever follows happens by itself, or by another order."""
IDLE: Final = frozenset(State) - LIVE - {State.DELETED}

_FROM_LIVE: Final = {
    Trigger.DROPPED: State.DISCONNECTED,
    Trigger.RESTRICTED: State.RESTRICTED,
    Trigger.BROKEN: State.FAILED,
}
_FROM_ANY: Final = {
    Trigger.OPENED: State.CONNECTING,
    Trigger.NO_ROOM: State.WAITING_FOR_CAPACITY,
    Trigger.UNLINKED: State.LOGGED_OUT,
    Trigger.REMOVED: State.DELETED,
}


def _table() -> dict[tuple[State, Trigger], State]:
    table = {(state, trigger): to for state in LIVE for trigger, to in _FROM_LIVE.items()}
    table |= {(state, trigger): to for state in LIVE | IDLE for trigger, to in _FROM_ANY.items()}
    unpaired = PAIRING | {State.CONNECTING}
    table |= {(state, Trigger.LOGGED_IN): State.CONNECTED for state in unpaired}
    table |= {(state, Trigger.PASSKEY_ASKED): State.PASSKEY_REQUIRED for state in unpaired}
    table[State.PASSKEY_REQUIRED, Trigger.PASSKEY_TAKEN] = State.PASSKEY_CONFIRM
    table |= {(state, Trigger.PAIRING_EXPIRED): State.DISCONNECTED for state in unpaired}
    table |= {(state, Trigger.QR_SHOWN): State.QR_REQUIRED for state in (State.CONNECTING, State.QR_REQUIRED)}
    table |= {(state, Trigger.CODE_SHOWN): State.CODE_REQUIRED for state in (State.CONNECTING, State.CODE_REQUIRED)}
    return table


TRANSITIONS: Final[Mapping[tuple[State, Trigger], State]] = MappingProxyType(_table())


def follow(state: State, trigger: Trigger) -> State:
    """The state after `trigger`.

    Raises:
        InvalidTransition: the table has no exit of `state` by `trigger`.
    """
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise InvalidTransition(f"{state.value} has no exit by {trigger.value}") from None
