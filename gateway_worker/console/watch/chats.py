"""Which chats a session has, as far as was heard: the contract has no list of them. Pure."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from gateway_worker.client.events import Event
from schemas.events.groups import GroupUpdated
from schemas.events.messages import MessageReceived, MessageStatus

MOST_CHATS: Final = 200  # of a session
MOST_IN_ALL: Final = 20_000  # some 15 MB
MOST_NAMES: Final = 20_000
MOST_PREVIEW: Final = 120  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat. `unread`: messages that came since it was last looked at."""

    chat: str
    at: datetime
    name: str | None = None
    preview: str = ""
    unread: int = 0

    @property
    def is_group(self) -> bool:
        """Whether it is a group."""
        return self.chat.endswith("@g.us")

    @property
    def title(self) -> str:
        """What people call it."""
        number, _, server = self.chat.partition("@")
        return self.name or (f"+{number}" if server == "s.whatsapp.net" else self.chat)


@dataclass(slots=True)
class Chats:
    """The chats of all sessions. Of the sessions in which nothing happened for longest they go first."""

    _in_all: int = 0
    _names: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict[tuple[str, str], str])
    _of: OrderedDict[str, dict[str, Chat]] = field(default_factory=OrderedDict[str, "dict[str, Chat]"])

    def take(self, event: Event) -> None:
        """An event has come."""
        session = event.session_id
        if session is None:
            return
        match event.data:
            case MessageReceived() as message:
                self._learn(session, message)
                name = message.sender.push_name if not (message.is_group or message.from_me) else None
                said, is_unread = preview_of(message), not message.from_me
                self._moved(session, message.chat, message.timestamp, name, preview=said, is_unread=is_unread)
            case MessageStatus(chat=str(chat)) as status:
                self._moved(session, chat, status.timestamp)
            case GroupUpdated() as group:
                self._moved(session, group.group_id, group.timestamp, group.subject)
            case _:
                pass

    def name_of(self, session: str, person: str | None) -> str | None:
        """What somebody is called who has written since the console began."""
        return None if person is None else self._names.get((session, person))

    def of(self, session: str) -> Sequence[Chat]:
        """A session's chats, the last used first."""
        return sorted(self._of.get(session, {}).values(), key=lambda chat: chat.at, reverse=True)

    def get(self, session: str, chat: str) -> Chat | None:
        """One of them."""
        return self._of.get(session, {}).get(chat)

    def looked_at(self, session: str, chat: str) -> None:
        """Somebody has it on the screen."""
        known = self.get(session, chat)
        if known is not None:
            self._of[session][chat] = replace(known, unread=0)

    def named(self, session: str, groups: Iterable[tuple[str, str]], now: datetime) -> None:
        """The groups a session is in."""
        for chat, name in groups:
            known = self.get(session, chat)
            self._moved(session, chat, known.at if known else now, name)

    def _learn(self, session: str, message: MessageReceived) -> None:
        sender = message.sender
        for person in (sender.jid, sender.lid):
            if person is not None and sender.push_name is not None:
                self._names[session, person] = sender.push_name[:MOST_PREVIEW]
                self._names.move_to_end((session, person))
        while len(self._names) > MOST_NAMES:
            self._names.popitem(last=False)

    def _moved(
        self,
        session: str,
        chat: str,
        at: datetime,
        name: str | None = None,
        *,
        preview: str | None = None,
        is_unread: bool = False,
    ) -> None:
        chats = self._of.setdefault(session, {})
        self._of.move_to_end(session)
        self._in_all += chat not in chats
        before = chats.get(chat) or Chat(chat=chat, at=at)
        chats[chat] = replace(
            before,
            at=max(at, before.at),
            name=name or before.name,
            preview=before.preview if preview is None else preview,
            unread=before.unread + is_unread,
        )
        if len(chats) > MOST_CHATS:
            del chats[min(chats, key=lambda each: chats[each].at)]
            self._in_all -= 1
        while self._in_all > MOST_IN_ALL:
            self._in_all -= len(self._of.popitem(last=False)[1])


def preview_of(message: MessageReceived) -> str:
    """One line of what it says."""
    content = message.content
    said = getattr(content, "text", None) or getattr(content, "caption", None) or getattr(content, "question", None)
    return (said or content.kind)[:MOST_PREVIEW].replace("\n", " ")
