"""How a message's status moves. Pure.

pending ──▶ sent ──▶ delivered ──▶ read ──▶ played
   └──▶ failed                     (a failure that was only missing its acknowledgement gives way to a receipt;
                                    one that was our own fault gives way to the acknowledgement, when it is redriven)

What WhatsApp's server has acknowledged does not fail any more, whatever it says later.
"""

from collections.abc import Sequence
from typing import Final

from gateway_worker.store.records import Json, Status

UNCONFIRMED: Final = "message.unconfirmed"
OUR_FAULT: Final = "internal"

_RANK: Final = {Status.PENDING: 0, Status.SENT: 1, Status.DELIVERED: 2, Status.READ: 3, Status.PLAYED: 4}
_RECEIPTS: Final = frozenset({Status.DELIVERED, Status.READ, Status.PLAYED})


def advance(current: Status, error: Json | None, wanted: Status) -> Sequence[Status]:
    """The statuses a message passes through, each worth an event; empty when it stays where it is.

    Args:
        current: where it stands.
        error: why, when it has failed.
        wanted: what is reported now.

    A receipt proves that the server has the message: if it overtakes the acknowledgement, `sent` is told first, and
    the acknowledgement moves nothing any more.
    """
    match current, wanted:
        case Status.RECEIVED, _:
            return ()
        case Status.FAILED, _:
            return (wanted,) if _overrules(wanted, None if error is None else error.get("code")) else ()
        case _, Status.FAILED:
            return (Status.FAILED,) if current is Status.PENDING else ()
        case Status.PENDING, _ if wanted in _RECEIPTS:
            return (Status.SENT, wanted)
        case _:
            return (wanted,) if _RANK[wanted] > _RANK[current] else ()


def _overrules(wanted: Status, failure: object) -> bool:
    """Whether a message that has failed with this code was sent after all."""
    return failure == (OUR_FAULT if wanted is Status.SENT else UNCONFIRMED) and wanted is not Status.FAILED
