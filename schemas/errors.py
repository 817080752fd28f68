"""Everything that can go wrong with a command, as one tree. Codes are stable; messages are for people and may change.

The letter says what happens to the delivery: **R** retry (hold it, back off), **A** answer and ack (a rejection, or
``message.status`` ``failed``), **D** dead-letter (publish to ``<namespace>.dead``, answer, ack)::

    GatewayError
    ├── CommandInvalid              command.invalid                 D   unreadable, unknown, or against the schema
    ├── CommandForbidden            command.forbidden               D   not for its sender to ask
    ├── CommandConflict             command.conflict                A   the same key with another body
    ├── CommandExpired              command.expired                 A   its `expiresat` or AMQP `expiration` ran out
    ├── OutcomeUnknownError         command.outcome_unknown         A   started before a crash, not repeatable
    ├── SessionNotFound             session.not_found               A
    ├── SessionNotConnected         session.not_connected           A   and will not connect by itself
    ├── SessionNotPairing           session.not_pairing             A   there is no QR to show
    ├── PairingTimeout              pairing.timeout                 A   nobody scanned or typed in time
    ├── PasskeyRequiredError        pairing.passkey_required        A   WhatsApp gates linking of this account
    ├── PasskeyInvalid              passkey.invalid                 A   the assertion is not one for what was asked
    ├── PasskeyExpired              passkey.expired                 A   what was asked is over
    ├── PasskeyRefused              passkey.refused                 A   with WhatsApp's own code in `detail`
    ├── PasskeyUnansweredError      passkey.unanswered              A   WhatsApp did not answer to it
    ├── ClientOutdated              client.outdated                 A   WhatsApp refuses our web version
    ├── FleetFull                   fleet.full                      A   no worker has a free slot
    ├── WorkerNotFound              worker.not_found                A
    ├── MessageNotFound             message.not_found               A
    ├── ChatNotFound                chat.not_found                  A
    ├── ContactNotFound             contact.not_found               A
    ├── LabelNotFound               label.not_found                 A
    ├── CallNotFound                call.not_found                  A
    ├── StateUnavailable            chat.state_unavailable          A
    ├── MessageRecipientUnknown     message.recipient_unknown       A   the number is not on WhatsApp
    ├── MessageKeysInvalid          message.keys_invalid            A   the recipient's keys do not verify
    ├── MessageRejectedByWhatsApp   message.rejected_by_whatsapp    A   with WhatsApp's own code in `detail`
    ├── MessageUnconfirmed          message.unconfirmed             A   no acknowledgement after all tries
    ├── AccountRestricted           account.restricted              A
    ├── MediaError
    │   ├── MediaTooLarge           media.too_large                 A
    │   ├── MediaUnreachable        media.unreachable               A
    │   ├── MediaForbiddenAddress   media.forbidden_address         A
    │   └── MediaUnsupported        media.unsupported               A
    ├── RateLimited                 rate.limited                    A   with `retryAfter` seconds in `detail`
    └── Internal                    internal                        D   our own fault; after bounded retries
        └── Unavailable             internal                        R   a service of ours is away for the moment
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final

MAX_PROBLEMS: Final = 10  # how many of a command's problems its rejection lists


class Disposition(StrEnum):
    """What becomes of a delivery that ended with an error."""

    RETRY = "retry"  # hold it and back off: the trouble is ours and passing
    REJECT = "reject"  # answer, then ack
    DEAD_LETTER = "dead_letter"  # publish to the dead queue, answer, then ack


class Breach(StrEnum):
    """Why a command is forbidden."""

    ROUTING_KEY = "routingKey"
    REPLY_TO = "replyTo"
    ROUTE = "route"


_BREACHES: Final = {
    Breach.ROUTING_KEY: "The routing key does not name the subject of the command.",
    Breach.REPLY_TO: "`reply_to` names a queue that is not the sender's.",
    Breach.ROUTE: "It was not published to the exchange of commands, so nobody has checked the routing key.",
}


class GatewayError(Exception):
    """The base of all. Abstract: raise one of the classes below.

    Attributes:
        code: stable and dotted, what a backend branches on.
        message: a sentence for people. Never a secret, a path, a stack trace or another tenant's data.
        detail: JSON values for programs, or None. Its shape belongs to the code.
        disposition: what becomes of the delivery.
    """

    code: ClassVar[str]
    sentence: ClassVar[str]
    disposition: ClassVar[Disposition] = Disposition.REJECT

    def __init__(self, message: str | None = None, *, detail: Mapping[str, Any] | None = None) -> None:
        self.message = message or self.sentence
        self.detail = dict(detail) if detail else None
        super().__init__(self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a command. `path` is dotted from the envelope's root, ``""`` for the whole body."""

    path: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What could still be read of a command that is invalid, so that its rejection can name it.

    `carried`: the attributes that come back with whatever answers it; see `Envelope.carried`.
    """

    id: str | None = None
    source: str | None = None
    type: str | None = None
    subject: str | None = None
    correlation_id: str | None = None
    carried: Mapping[str, bool | int | str] = field(default_factory=dict[str, bool | int | str])


class CommandInvalid(GatewayError):  # noqa: N818 (the contract's word)
    """The command can never succeed as it is.

    `detail` is ``{"path": <the first problem's>, "problems": [{"path", "problem"}, …]}``, at most `MAX_PROBLEMS`.
    `origin` holds what could be read of it.
    """

    code = "command.invalid"
    sentence = "The command is invalid."
    disposition = Disposition.DEAD_LETTER

    def __init__(self, problems: Sequence[Problem], *, origin: Origin | None = None) -> None:
        first = problems[0]
        listed = [{"path": each.path, "problem": each.problem} for each in problems[:MAX_PROBLEMS]]
        place = f"`{first.path}` " if first.path else "The body "
        super().__init__(f"{place}{first.problem}.", detail={"path": first.path, "problems": listed})
        self.problems = tuple(problems[:MAX_PROBLEMS])
        self.origin = origin or Origin()

    @classmethod
    def at(cls, path: str, problem: str, *, origin: Origin | None = None) -> "CommandInvalid":
        """A command with one problem."""
        return cls([Problem(path=path, problem=problem)], origin=origin)


class CommandForbidden(GatewayError):  # noqa: N818 (the contract's word)
    """What the broker let the sender do does not cover the command; `detail` is ``{"because": <a `Breach`>}``."""

    code = "command.forbidden"
    sentence = "The sender may not ask this."
    disposition = Disposition.DEAD_LETTER

    def __init__(self, breach: Breach) -> None:
        super().__init__(_BREACHES[breach], detail={"because": breach.value})
        self.breach = breach


class CommandConflict(GatewayError):  # noqa: N818 (the contract's word)
    """The same source and id came before with another body."""

    code = "command.conflict"
    sentence = "A command with the same source and id, but another body, came before."


class CommandExpired(GatewayError):  # noqa: N818 (the contract's word)
    """It was not started before its time ran out."""

    code = "command.expired"
    sentence = "The command expired before it was started."


class OutcomeUnknownError(GatewayError):
    """A command that must not be repeated by itself had been started when the worker ended."""

    code = "command.outcome_unknown"
    sentence = "The command was started, but its outcome is unknown. It has not been repeated."


class SessionNotFound(GatewayError):  # noqa: N818 (the contract's word)
    """There is no such session, or it has been deleted."""

    code = "session.not_found"
    sentence = "There is no such session."


class SessionNotConnected(GatewayError):  # noqa: N818 (the contract's word)
    """The session has no connection and will get none by itself."""

    code = "session.not_connected"
    sentence = "The session is not connected."


class SessionNotPairing(GatewayError):  # noqa: N818 (the contract's word)
    """The session has no live QR."""

    code = "session.not_pairing"
    sentence = "The session has no live QR code."


class PairingTimeout(GatewayError):  # noqa: N818 (the contract's word)
    """The last QR or code ran out."""

    code = "pairing.timeout"
    sentence = "Nobody scanned the QR or typed the code in time."


class PasskeyRequiredError(GatewayError):
    """WhatsApp lets this account link devices only with a passkey."""

    code = "pairing.passkey_required"
    sentence = "WhatsApp asks for a passkey before this account can link a device."


class PasskeyInvalid(GatewayError):  # noqa: N818 (the contract's word)
    """The assertion does not answer what WhatsApp asked; nothing has left. `detail` is ``{"path", "problem"}``."""

    code = "passkey.invalid"
    sentence = "The assertion does not answer what was asked."

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"`{path}` {problem}.", detail={"path": path, "problem": problem})


class PasskeyExpired(GatewayError):  # noqa: N818 (the contract's word)
    """The time in which the passkey was to be used, or the code to be compared, is over."""

    code = "passkey.expired"
    sentence = "The passkey was not used in time."


class PasskeyRefused(GatewayError):  # noqa: N818 (the contract's word)
    """WhatsApp refused a step of the ceremony; `detail` is ``{"whatsappCode": "400"}``."""

    code = "passkey.refused"
    sentence = "WhatsApp refused the passkey."

    def __init__(self, whatsapp_code: str) -> None:
        super().__init__(f"WhatsApp refused the passkey with {whatsapp_code}.", detail={"whatsappCode": whatsapp_code})


class PasskeyUnansweredError(GatewayError):
    """WhatsApp did not answer to the assertion."""

    code = "passkey.unanswered"
    sentence = "WhatsApp did not answer to the passkey."


class ClientOutdated(GatewayError):  # noqa: N818 (the contract's word)
    """WhatsApp refuses the web version we speak."""

    code = "client.outdated"
    sentence = "WhatsApp refuses this client version as too old."


class FleetFull(GatewayError):  # noqa: N818 (the contract's word)
    """No worker has a free slot."""

    code = "fleet.full"
    sentence = "No worker has room for another session."


class WorkerNotFound(GatewayError):  # noqa: N818 (the contract's word)
    """There is no such worker."""

    code = "worker.not_found"
    sentence = "There is no such worker."


class MessageNotFound(GatewayError):  # noqa: N818 (the contract's word)
    """The message is not stored in this session."""

    code = "message.not_found"
    sentence = "There is no such message in this session."


class ChatNotFound(GatewayError):  # noqa: N818 (as the others)
    """Nothing is known of such a chat in this session."""

    code = "chat.not_found"
    sentence = "There is no such chat in this session."


class ContactNotFound(GatewayError):  # noqa: N818 (as the others)
    """Nothing is known of such a person in this session."""

    code = "contact.not_found"
    sentence = "Nothing is known of such a person in this session."


class LabelNotFound(GatewayError):  # noqa: N818 (as the others)
    """There is no such label in this session."""

    code = "label.not_found"
    sentence = "There is no such label in this session."


class CallNotFound(GatewayError):  # noqa: N818 (as the others)
    """No such call was told in this session."""

    code = "call.not_found"
    sentence = "There was no such call in this session."


class StateUnavailable(GatewayError):  # noqa: N818 (as the others)
    """The phone has not shared the key of what it knows of its chats, or that cannot be read: it cannot be changed now.

    The key comes when the phone is on. Nothing has left; a repetition is carried out.
    """

    code = "chat.state_unavailable"
    sentence = "The phone has not shared the state of its chats with this session yet."


class MessageRecipientUnknown(GatewayError):  # noqa: N818 (the contract's word)
    """The recipient is not on WhatsApp."""

    code = "message.recipient_unknown"
    sentence = "The recipient is not on WhatsApp."


class MessageKeysInvalid(GatewayError):  # noqa: N818 (as the others)
    """The keys that WhatsApp gave of the recipient do not verify: nothing was sent, since anybody could read it."""

    code = "message.keys_invalid"
    sentence = "WhatsApp gave no valid keys of the recipient; nothing was sent."


class MessageRejectedByWhatsApp(GatewayError):  # noqa: N818 (the contract's word)
    """WhatsApp's server refused the message; `detail` is ``{"whatsappCode": "463"}``."""

    code = "message.rejected_by_whatsapp"
    sentence = "WhatsApp refused the message."

    def __init__(self, whatsapp_code: str) -> None:
        super().__init__(f"WhatsApp refused the message with {whatsapp_code}.", detail={"whatsappCode": whatsapp_code})
        self.whatsapp_code = whatsapp_code


class MessageUnconfirmed(GatewayError):  # noqa: N818 (the contract's word)
    """It may have been sent, but WhatsApp's server never said so."""

    code = "message.unconfirmed"
    sentence = "WhatsApp did not acknowledge the message. It may have been sent."


class AccountRestricted(GatewayError):  # noqa: N818 (the contract's word)
    """WhatsApp restricts the account."""

    code = "account.restricted"
    sentence = "WhatsApp has restricted this account."


class MediaError(GatewayError):
    """The base of what can go wrong with media. Abstract."""


class MediaTooLarge(MediaError):  # noqa: N818 (the contract's word)
    """Larger than WhatsApp or we allow."""

    code = "media.too_large"
    sentence = "The media is too large."


class MediaUnreachable(MediaError):  # noqa: N818 (the contract's word)
    """Its source does not answer, or not with the media."""

    code = "media.unreachable"
    sentence = "The media could not be fetched."


class MediaForbiddenAddress(MediaError):  # noqa: N818 (the contract's word)
    """Its address is one we do not open."""

    code = "media.forbidden_address"
    sentence = "The media's address is not allowed."


class MediaUnsupported(MediaError):  # noqa: N818 (the contract's word)
    """Not of a type this kind of message can carry."""

    code = "media.unsupported"
    sentence = "The media's type is not supported for this kind of message."


class RateLimited(GatewayError):  # noqa: N818 (the contract's word)
    """A limit is used up; `detail` is ``{"retryAfter": <whole seconds>, "limit"?: …}``.

    `limit`: `messagesPerDay` or `warmUp` of the session, `userMessagesPerDay` of all sessions of its user.
    """

    code = "rate.limited"
    sentence = "The session's limit is used up."

    def __init__(self, retry_after: int, limit: str | None = None) -> None:
        super().__init__(detail={"retryAfter": retry_after} | ({} if limit is None else {"limit": limit}))
        self.retry_after = retry_after


class Internal(GatewayError):  # noqa: N818 (the contract's word)
    """Our own fault. What happened is in the log, not in the answer."""

    code = "internal"
    sentence = "The worker failed to carry out the command."
    disposition = Disposition.DEAD_LETTER


class Unavailable(Internal):
    """A service of ours (a database, the broker …) is away for the moment. Adapters subclass it."""

    sentence = "A service the worker needs is not available."
    disposition = Disposition.RETRY


def error_types() -> Sequence[type[GatewayError]]:
    """Every class with a code of its own."""
    found: list[type[GatewayError]] = [GatewayError]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if "code" in vars(kind)]


def error_codes() -> frozenset[str]:
    """Every code that a backend may be told."""
    return frozenset(kind.code for kind in error_types())
