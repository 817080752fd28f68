"""Why a session is where it is, when the reason is ours and not WhatsApp's (those are in `causes.py`)."""

from typing import Final

from schemas.errors import FleetFull
from schemas.events.sessions import Action, Reason

LOGGED_OUT: Final = Reason(code="session.logged_out", message="The session was logged out.", action=Action.RESCAN)
UNLINK_UNCONFIRMED: Final = Reason(
    code="session.unlink_unconfirmed",
    message="The credentials are destroyed, but WhatsApp could not be told: remove the device on the phone.",
    action=Action.RESCAN,
)
WORKER_STOPPED: Final = Reason(
    code="worker.stopped", message="The worker stopped; the session connects again elsewhere."
)
WORKER_DRAINING: Final = Reason(
    code="worker.draining", message="The worker is being emptied; the session connects again elsewhere."
)
MOVING: Final = Reason(code="session.moving", message="The session moves to another worker.")

# The same code for all that is due to a full fleet; what is to be done about it is the operator's business.
WAITING: Final = Reason(code=FleetFull.code, message=FleetFull.sentence, action=Action.WAIT)
STAYS: Final = Reason(code=FleetFull.code, message="No other worker has room: the session stays where it is.")
RETURNED: Final = Reason(code=FleetFull.code, message="No other worker took the session: it goes on where it was.")
