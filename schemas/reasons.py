"""The codes of why a session is in its state. Stable; the sentence beside each may change. Pure."""

from collections.abc import Mapping
from typing import Final

REASON_CODES: Final[Mapping[str, str]] = {
    "account.restricted": "WhatsApp has restricted the account",
    "client.outdated": "WhatsApp refuses the web version that the gateway speaks",
    "connection.closed": "the connection was closed; it is made again",
    "connection.lost": "the connection was lost; it is made again",
    "connection.silent": "WhatsApp did not answer in time; the connection is made again",
    "connection.unavailable": "WhatsApp is not available for the moment",
    "connection.untrusted": "the server could not prove that it is WhatsApp",
    "fleet.full": "no (other) worker has room for the session",
    "internal": "the gateway's own fault; it connects again",
    "pairing.passkey_required": "WhatsApp asks for a passkey before the account can link a device",
    "pairing.timeout": "nobody scanned the QR or typed the code in time",
    "pairing.untrusted": "the answer to the QR or code could not prove that it was the phone's; nothing was linked",
    "passkey.expired": "the passkey was not used, or the code not compared, in time",
    "passkey.refused": "WhatsApp refused the passkey",
    "passkey.unanswered": "WhatsApp did not answer to the passkey",
    "session.bad": "WhatsApp refuses the session's state",
    "session.logged_out": "the device was unlinked, on the phone or by a command",
    "session.moving": "the session moves to another worker",
    "session.replaced": "another client took over the device's connection",
    "session.restored": "the session, or the database, was restored from an earlier state",
    "session.unlink_unconfirmed": "the credentials are destroyed, but WhatsApp could not be told",
    "worker.draining": "the worker is being emptied; the session connects again elsewhere",
    "worker.stopped": "the worker stopped; the session connects again elsewhere",
}
"""Each code, and what it says. Later versions may have more of them."""
