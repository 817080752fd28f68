"""The data of the events about chats as a whole, and about what this account alone does with messages."""

from schemas.content.changes import MessageSender
from schemas.model import Instant, Model
from schemas.names import MessageId, SessionId


class ChatUpdated(Model):
    """``chat.updated.v1``: something about a chat is another than before; what changed is there, as it is now.

    Whoever of the account's devices did it, the phone or this session. `disappearingSeconds`: new messages disappear
    after so long, 0: they stay. `sender` set it, `fromMe`: this account; both are missing where WhatsApp only told that
    it is so. What this session sends there disappears likewise.

    Attributes:
        disappearing_seconds: new messages disappear after so long, 0: they stay.
        archived: it is among the archived chats.
        pinned: it stands at the top of the chats.
        muted: its messages make no sound.
        muted_until: it is muted until then; missing beside `muted`: until somebody says otherwise.
        unread: so many messages of it are unread; told when some were read on another device, not with each that comes.
        marked_unread: somebody has marked it as unread.
        sender: who changed it, where WhatsApp says it.
        from_me: whether this account changed it, where WhatsApp says it.
    """

    session_id: SessionId
    chat: str
    is_group: bool
    disappearing_seconds: int | None = None
    archived: bool | None = None
    pinned: bool | None = None
    muted: bool | None = None
    muted_until: Instant | None = None
    unread: int | None = None
    marked_unread: bool | None = None
    sender: MessageSender | None = None
    from_me: bool | None = None
    timestamp: Instant


class ChatDeleted(Model):
    """``chat.deleted.v1``: a chat was deleted, with its messages, by whichever of the account's devices.

    Others still have it. It is there again with the next message in it.
    """

    session_id: SessionId
    chat: str
    is_group: bool
    timestamp: Instant


class ChatCleared(Model):
    """``chat.cleared.v1``: the messages of a chat were deleted, by whichever of the account's devices. It stays."""

    session_id: SessionId
    chat: str
    is_group: bool
    timestamp: Instant


class MessageStarred(Model):
    """``message.starred.v1``: a message was starred, or is no longer, by whichever of the account's devices.

    Attributes:
        starred: whether it is starred now.
    """

    session_id: SessionId
    message_id: MessageId
    chat: str
    starred: bool
    timestamp: Instant


class MessageDeleted(Model):
    """``message.deleted.v1``: a message was deleted for this account alone, by whichever of its devices.

    What is deleted for everyone is told by ``message.revoked``.
    """

    session_id: SessionId
    message_id: MessageId
    chat: str
    timestamp: Instant
