"""The data of the commands about messages, chats and contacts. As strict as the contract (section 3) says."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from schemas.addresses import Address, AddressKind, Jid, Person, Phone, StoredChat, jid_of, kind_of, stored_chat
from schemas.commands.sessions import SessionCommand, named_by_subject
from schemas.content.content import MAX_POLL_OPTIONS, MAX_TITLE
from schemas.content.flags import SendFlags
from schemas.content.outgoing import OutgoingContent, OutgoingText
from schemas.model import Attribute, Instant, Many, MessageIdField, StrictModel, exactly_one, printable
from schemas.names import MessageId
from schemas.problems import problem_at

MAX_MENTIONS: Final = 1024
MAX_PHONES: Final = 1_000
MAX_MESSAGE_IDS: Final = 256
MAX_HISTORY: Final = 200  # messages of a page: bodies are decrypted for it, and a reply is at most 16 MiB
MAX_EMOJI: Final = 64  # characters of one emoji with all its modifiers
_VIEWED_ONCE: Final = frozenset({"image", "video", "voice"})


EVERYONE: Final = "everyone"
"""In place of people: all who are in the group, also those who come later."""


def _null_is_empty(value: object) -> object:
    return () if value is None else value


def _form_of_mentions(value: object) -> str:
    return "kind=everyone" if isinstance(value, str) else "kind=people"


Mentions = Annotated[
    Annotated[
        tuple[Person, ...], Strict(strict=False), Field(max_length=MAX_MENTIONS, fail_fast=True), Tag("kind=people")
    ]
    | Annotated[Literal["everyone"], Tag("kind=everyone")],
    Discriminator(_form_of_mentions),
]
"""People, or `EVERYONE`. Written out: a choice takes no `Many`, whose mark has no hash."""


def _named_by_subject_and_id(schema: dict[str, Any]) -> None:
    named_by_subject(schema)
    schema.update(exactly_one("messageId", "commandId"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Which stored message a command means. Strangers choose their ids: an id alone may name several.

    Attributes:
        chat, sender: only one of that chat, or by that person; None leaves it open.
    """

    message_id: MessageId
    chat: Jid | None = None
    sender: Jid | None = None


def _jid(address: str | None) -> Jid | None:
    return None if address is None else jid_of(address)


_SomeChat = Annotated[Address | None, Field(repr=False)]
_SomePerson = Annotated[Person | None, Field(repr=False)]


class QuoteRequest(StrictModel):
    """The stored message a new one replies to: one of the same chat first.

    `chat` and `sender` tell it from others under its id.

    Attributes:
        chat: the chat that it is in; without it, any.
        sender: who wrote it; without it, anybody.
    """

    message_id: MessageIdField
    chat: _SomeChat = None
    sender: _SomePerson = None

    @property
    def reference(self) -> Reference:
        """Which it is."""
        return Reference(message_id=MessageId(self.message_id), chat=_jid(self.chat), sender=_jid(self.sender))


class OutgoingCommand(StrictModel):
    """A command of class M: it becomes a message to `to`, under an id derived from the command's key.

    Attributes:
        to: the chat it goes to: a number in E.164, or the JID of a person or group.
    """

    to: Annotated[Address, Field(repr=False)]

    @property
    def recipient(self) -> Jid:
        """`to` as a JID."""
        return jid_of(self.to)

    @property
    def refers_to(self) -> Reference | None:
        """The stored message it is about, or replies to."""
        return None


DisappearingSeconds = Literal[0, 86_400, 604_800, 7_776_000]
"""What WhatsApp offers: messages stay, or go after a day, a week, 90 days."""


class _Sending(OutgoingCommand):
    """Before the flags: which of them a content may have is checked when the content is known.

    Attributes:
        content: what to send, by `kind`.
        quote: the message it answers.
        mentions: whom it mentions: numbers, or JIDs of people; `everyone`: all who are in the group.
    """

    content: OutgoingContent
    quote: QuoteRequest | None = None
    mentions: Annotated[Mentions, Field(repr=False), BeforeValidator(_null_is_empty)] = ()

    @field_validator("mentions")
    @classmethod
    def _everyone_is_in_a_group(cls, mentions: Mentions, fields: ValidationInfo) -> Mentions:
        if mentions == EVERYONE and "to" in fields.data and kind_of(jid_of(fields.data["to"])) is not AddressKind.GROUP:
            raise ValueError("can be everyone in a group only")
        return mentions


class SendMessage(SendFlags, _Sending):
    """``message.send.v1``: send `content` to a person or a group. `mentions` are people, by number or JID.

    `disappearingSeconds`: this message disappears after so long, 0: it stays; missing: as the chat's timer is.

    Attributes:
        disappearing_seconds: this message disappears after so long, 0: it stays; missing: as the chat's timer is.
    """

    disappearing_seconds: DisappearingSeconds | None = None

    @property
    def flags(self) -> SendFlags:
        """Its marks alone."""
        return SendFlags(**{name: getattr(self, name) for name in SendFlags.model_fields})

    @field_validator("view_once")
    @classmethod
    def _only_media_can_be_viewed_once(cls, view_once: bool, fields: ValidationInfo) -> bool:  # noqa: FBT001 (pydantic's signature)
        if view_once and "content" in fields.data and fields.data["content"].kind not in _VIEWED_ONCE:
            raise ValueError("is for images, videos and voice messages")
        return view_once

    @property
    def refers_to(self) -> Reference | None:
        """The message that it quotes."""
        return None if self.quote is None else self.quote.reference

    @property
    def mentioned(self) -> tuple[Jid, ...]:
        """The people among `mentions`, as JIDs."""
        return () if isinstance(self.mentions, str) else tuple(jid_of(person) for person in self.mentions)

    @property
    def mentions_all(self) -> bool:
        """Whether everybody in the group is mentioned."""
        return self.mentions == EVERYONE


class AboutMessage(OutgoingCommand):
    """A command about an earlier message of the chat `to`; `sender` tells it from others under its id.

    Attributes:
        message_id: of the message it is about.
        sender: who wrote that message; without it, anybody.
    """

    message_id: MessageIdField
    sender: _SomePerson = None

    @property
    def refers_to(self) -> Reference | None:
        """The message that it is about."""
        return Reference(message_id=MessageId(self.message_id), chat=self.recipient, sender=_jid(self.sender))


class EditMessage(AboutMessage):
    """``message.edit.v1``: another text for a message of ours, or its caption. WhatsApp takes it for 15 minutes.

    Attributes:
        content: what it says from now on.
    """

    content: OutgoingText


class RevokeMessage(AboutMessage):
    """``message.revoke.v1``: delete a message for everyone: ours, or in a group, as its admin, anybody's."""


class ReactToMessage(AboutMessage):
    """``message.react.v1``: react with one `emoji`; an empty one removes the reaction.

    Attributes:
        emoji: one emoji; an empty text removes the reaction.
    """

    emoji: Annotated[str, Field(max_length=MAX_EMOJI), AfterValidator(printable)]


PinSeconds = Literal[86_400, 604_800, 2_592_000]
"""What WhatsApp offers: a day, a week, 30 days."""


class PinMessage(AboutMessage):
    """``message.pin.v1``: have a message stand at the top of its chat, for everybody, for so many `seconds`.

    In a group its admins may do that, or everybody, as the group is set.

    Attributes:
        seconds: for so long: a day, a week or 30 days.
    """

    seconds: PinSeconds = 604_800


class UnpinMessage(AboutMessage):
    """``message.unpin.v1``: take a message from the top of its chat, for everybody, whoever pinned it."""


_Chosen = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TITLE)]


class VoteInPoll(AboutMessage):
    """``poll.vote.v1``: what this session chooses of a poll, in place of what it chose before; maybe nothing.

    Attributes:
        options: what it chooses, each as the poll says it.
    """

    options: Annotated[Many[_Chosen], Field(max_length=MAX_POLL_OPTIONS, repr=False)]

    @field_validator("options")
    @classmethod
    def _differ(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(options)) < len(options):
            raise ValueError("must differ from each other")
        return options


class ForwardMessage(AboutMessage):
    """``message.forward.v1``: send a stored message, of whatever chat of the session, or of `chat`, to `to`.

    Attributes:
        chat: where the message is stored; without it, in any chat of the session.
    """

    chat: _SomeChat = None

    @property
    def refers_to(self) -> Reference | None:
        """The message that it is about."""
        return Reference(message_id=MessageId(self.message_id), chat=_jid(self.chat), sender=_jid(self.sender))


class MarkRead(StrictModel):
    """``message.read.v1``: mark incoming messages of a chat as read.

    Attributes:
        chat: the chat: a number in E.164, or the JID of a person or group.
        message_ids: of the messages that were read.
    """

    chat: Annotated[Address, Field(repr=False)]
    message_ids: Annotated[Many[MessageIdField], Field(min_length=1, max_length=MAX_MESSAGE_IDS)]


class FetchMedia(StrictModel):
    """``media.fetch.v1``: put the media of a stored message, of either direction, into the media bucket (again).

    `messageId` alone finds it; `chat` and `sender` tell it from others under its id.

    Attributes:
        chat: the chat that the message is in; without it, any.
        sender: who wrote it; without it, anybody.
    """

    message_id: MessageIdField
    chat: _SomeChat = None
    sender: _SomePerson = None

    @property
    def refers_to(self) -> Reference:
        """The message."""
        return Reference(message_id=MessageId(self.message_id), chat=_jid(self.chat), sender=_jid(self.sender))


class SetPresence(StrictModel):
    """``chat.presence.v1``: what a chat sees of us; `available` and `unavailable` are seen by everyone.

    Showing a person `typing`, `recording` or `paused`, or `subscribe`, has ``presence.updated`` tell of that person.

    Attributes:
        to: who sees it: a number in E.164, or the JID of a person or group.
        state: what is seen.
        subscribe: have ``presence.updated`` tell of that person from now on.
    """

    to: Annotated[Address, Field(repr=False)]
    state: Literal["typing", "recording", "paused", "available", "unavailable"]
    subscribe: bool = False


class SetDisappearing(StrictModel):
    """``chat.disappearing.v1``: new messages of the chat `to` disappear after so many `seconds`; 0: they stay.

    ``chat.updated`` tells it. In a group its admins may do that, or everybody, as the group is set.

    Attributes:
        to: the chat: a number in E.164, or the JID of a person or group.
        seconds: how long new messages stay; 0: for ever.
    """

    to: Annotated[Address, Field(repr=False)]
    seconds: DisappearingSeconds


class CheckContacts(StrictModel):
    """``contact.check.v1``: which of these numbers are on WhatsApp.

    Attributes:
        phones: the numbers, in E.164, at most 1,000.
    """

    phones: Annotated[Many[Phone], Field(min_length=1, max_length=MAX_PHONES, repr=False)]


class ListMessages(SessionCommand):
    """``message.history.v1``: the messages of a chat, the last stored first, at most `limit`, from behind `cursor`.

    A chat with a person is stored under the number's JID where that is known; a number finds it either way.

    Attributes:
        chat: the chat: a number in E.164, or the JID of a person, a group or one of WhatsApp's bots.
        limit: at most so many.
    """

    chat: Annotated[StoredChat, Field(repr=False)]
    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}\.[!-~]{1,128}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_HISTORY)] = 50

    @property
    def chat_jid(self) -> Jid:
        """`chat` as a JID."""
        return stored_chat(self.chat)


class CountMessages(SessionCommand):
    """``message.stats.v1``: how many messages were stored between `since` and `until`: by default the last 24 hours.

    Attributes:
        since: from when on; by default 24 hours before `until`.
        until: up to when; by default now.
    """

    since: Instant | None = None
    until: Instant | None = None

    @model_validator(mode="after")
    def _a_window(self) -> "CountMessages":
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise problem_at("until", "must be later than since")
        return self


class DescribeMessage(SessionCommand):
    """``message.describe.v1``: one message's ledger, by WhatsApp's id or by the id of the command that sent it.

    `source` is the source of that command; without it, the source of this one. `chat` and `sender` tell a message from
    others under its id; without them it is ours, or else the one that came first.

    Attributes:
        message_id: WhatsApp's id of the message.
        command_id: the id of the command that sent it.
        source: the source of that command; by default that of this one.
        chat: the chat that it is in; without it, any.
        sender: who wrote it; without it, anybody.
    """

    model_config = ConfigDict(json_schema_extra=_named_by_subject_and_id)

    message_id: MessageIdField | None = None
    command_id: Attribute | None = None
    source: Attribute | None = None
    chat: _SomeChat = None
    sender: _SomePerson = None

    def reference(self, message_id: MessageId) -> Reference:
        """The message, of that id."""
        return Reference(message_id=message_id, chat=_jid(self.chat), sender=_jid(self.sender))

    @model_validator(mode="after")
    def _one_id(self) -> "DescribeMessage":
        if (self.message_id is None) == (self.command_id is None):
            raise problem_at("messageId", "must be given, or commandId, but not both")
        return self
