"""Disappearing chats: after how many seconds the messages of each chat of one session go, in memory and to be stored.

The rows are the truth. What is heard again and again (every message of such a chat tells its timer) costs nothing.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from gateway_worker.connections.base.names import message_sender
from gateway_worker.connections.base.storage import Timers as TimerRows
from gateway_worker.connections.base.times import instant
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.operations.authors import is_group
from gateway_worker.store.operations.timers import ChatTimer, SetTimers
from gateway_worker.store.records import NOBODY_SAYS, Timer
from gateway_worker.whatsapp.groups import GroupChanged, GroupNotification
from gateway_worker.whatsapp.incoming import ReceivedMessage, TimerChanged
from gateway_worker.whatsapp.timers import ReportedChatTimer
from gateway_worker.whatsapp.timers import Timer as ReportedTimer
from schemas.addresses import Jid
from schemas.content.changes import MessageSender
from schemas.events.chats import ChatUpdated
from schemas.events.events import CHAT_UPDATED
from schemas.names import SessionId

MAX_CHATS: Final = 20_000  # of one session, as `identities` bounds people
_MAX_LISTED: Final = 200  # in one operation


class Timers:
    """The timers of one session. `own` tells the account's JIDs.

    Attributes:
        of_new_chats: what a chat begins with, in seconds; 0: messages stay, or nobody knows which chats are new.
    """

    def __init__(
        self, session_id: SessionId, identities: Identities, own: Callable[[], Collection[str | None]] = frozenset
    ) -> None:
        self._session_id = session_id
        self._identities = identities
        self._own = own
        self._known: dict[str, Timer] = {}
        self.of_new_chats = 0

    async def load(self, rows: TimerRows) -> None:
        """Read what is known; for a session that was just taken over."""
        self._known.update(await rows.of(self._session_id, MAX_CHATS))

    def of(self, chat: Jid) -> Timer | None:
        """The timer of a chat, by whichever of its names; None: nobody has told one."""
        known = [self._known[name] for name in self._identities.all_names(chat) if name in self._known]
        return max(known, key=lambda timer: timer.changed_at, default=None)

    def names_of(self, chat: Jid) -> tuple[Collection[str], Collection[str]]:
        """All names of a chat, and of the account's own."""
        own = {name for jid in self._own() if jid is not None for name in self._identities.all_names(Jid(jid))}
        return self._identities.all_names(chat), own

    def learn(self, operations: Iterable[object]) -> None:
        """These have been stored."""
        for timer in (each for op in operations if isinstance(op, SetTimers) for each in op.timers):
            before = self.of(Jid(timer.chat))
            if timer.changed_at == NOBODY_SAYS:
                continue
            if before is None or before.changed_at <= timer.changed_at:
                self._known.pop(timer.chat, None)
                self._known[timer.chat] = Timer(seconds=timer.seconds, changed_at=timer.changed_at)
        while len(self._known) > MAX_CHATS:
            del self._known[next(iter(self._known))]

    # --- what is told of them, as what stores it

    def timers_in(self, message: ReceivedMessage, now: datetime) -> Sequence[SetTimers]:
        """What a message says of its chat's timer. One that does not speak of it says nothing.

        A group's timer is the group's own setting, which WhatsApp tells: what a member writes of it changes nothing.
        """
        if message.timer is None or message.is_group:
            return ()
        return self._settings(message.chat, message.timer, instant(message.timestamp, now))

    def changed(self, report: TimerChanged, now: datetime) -> Sequence[SetTimers]:
        """Somebody has set it, when WhatsApp's server says so: phones' clocks differ."""
        sender, timer = message_sender(report.sender), ReportedTimer(seconds=report.timer.seconds)
        return self._settings(report.chat, timer, instant(report.timestamp, now), sender, from_me=report.from_me)

    def listed(self, report: Sequence[ReportedChatTimer], now: datetime) -> Sequence[SetTimers]:
        """A list of chats, or a group's description, has them. One with a person whose messages stay is no new one."""
        timed = [each for one in report for each in self._settings(one.chat, one.timer, now)]
        begun = [self._begun(one.chat) for one in report if not one.timer.seconds and not is_group(one.chat)]
        parts = [begun[start : start + _MAX_LISTED] for start in range(0, len(begun), _MAX_LISTED)]
        return [*timed, *(SetTimers(timers=part, event_type=CHAT_UPDATED.type) for part in parts)]

    def _begun(self, chat: str) -> ChatTimer:
        named = self._identities.chat_of(Jid(chat))
        return ChatTimer(
            chat=named, names=self._identities.all_names(named), seconds=0, changed_at=NOBODY_SAYS, event={}
        )

    def of_group(self, notification: GroupNotification, now: datetime) -> Sequence[SetTimers]:
        """Somebody has set that of a group."""
        at, by = instant(notification.timestamp, now), notification.by
        sender = (
            None
            if by is None
            else MessageSender(jid=by.jid, lid=by.lid, phone=by.phone, push_name=notification.push_name)
        )
        settings = [each.disappearing for each in notification.changes if isinstance(each, GroupChanged)]
        timers = [ReportedTimer(seconds=each) for each in settings if each is not None]
        ours = None if by is None else by.jid in self._own() or (by.lid is not None and by.lid in self._own())
        return [
            each for timer in timers for each in self._settings(notification.group_id, timer, at, sender, from_me=ours)
        ]

    def set_by_us(self, chat: Jid, seconds: int, at: datetime) -> Sequence[SetTimers]:
        """A command of ours has set it; `at` by WhatsApp's clock where that is known."""
        return self._settings(chat, ReportedTimer(seconds=seconds), at, from_me=True)

    def _settings(
        self,
        chat: str,
        report: ReportedTimer,
        at: datetime,
        sender: MessageSender | None = None,
        *,
        from_me: bool | None = None,
    ) -> Sequence[SetTimers]:
        # Nobody has set it later than it is spoken of: else a clock that is fast would outdo all who set it after that
        changed_at = at if report.changed_at is None else min(instant(report.changed_at, at), at)
        changed_at = changed_at.replace(microsecond=0)  # as WhatsApp tells it: of two in a second, the last told counts
        named = self._identities.chat_of(Jid(chat))
        known = self.of(named)
        if report.seconds == (0 if known is None else known.seconds):
            return ()
        if known is not None and changed_at < known.changed_at:
            return ()
        event = ChatUpdated(
            session_id=self._session_id,
            chat=named,
            is_group=is_group(named),
            disappearing_seconds=report.seconds,
            sender=sender,
            from_me=from_me,
            timestamp=changed_at,
        )
        timer = ChatTimer(
            chat=named,
            names=self._identities.all_names(named),
            seconds=report.seconds,
            changed_at=changed_at,
            event=event.to_data(),
        )
        return [SetTimers(timers=[timer], event_type=CHAT_UPDATED.type)]


def reported_timer(timer: Timer) -> ReportedTimer:
    """A timer as an engine is told it."""
    return ReportedTimer(seconds=timer.seconds, changed_at=int(timer.changed_at.timestamp()))
