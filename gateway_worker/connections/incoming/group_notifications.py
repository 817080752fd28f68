"""From what WhatsApp tells of a group to the writes that store it with its events."""

from datetime import datetime
from typing import Any, Final, assert_never

from gateway_worker.connections.base.times import instant
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.groups import GroupChanged, GroupMember, GroupNotification, MembersChanged
from schemas.addresses import told_jid
from schemas.content.groups import GroupPerson
from schemas.events.events import GROUP_PARTICIPANTS, GROUP_UPDATED, EventType
from schemas.events.groups import GroupAuthor, GroupParticipantsChanged, GroupUpdated, PeopleChange, PictureChange
from schemas.model import Model
from schemas.names import MessageId, SessionId

GROUP_KIND: Final = "group"


async def group_arrivals(session_id: SessionId, told: GroupNotification, now: datetime) -> list[ReceiveMessage]:
    """What makes it durable, once: it is kept beside the messages of its chat, as a kind of its own.

    WhatsApp delivers a notification again, under its id, when its acknowledgement is lost.
    """
    pace = Pace()
    return [await _arrival(session_id, told, index, now, pace) for index in range(len(told.news))]


async def _arrival(
    session_id: SessionId, told: GroupNotification, index: int, now: datetime, pace: Pace
) -> ReceiveMessage:
    at = instant(told.timestamp, now)
    common: dict[str, Any] = {
        "session_id": session_id,
        "group_id": told.group_id,
        "by": None if told.by is None else GroupAuthor(**_person(told.by), push_name=told.push_name),
        "timestamp": at,
    }
    event_type, event = await _event(told.news[index], common, pace)
    await pace.breathe()
    data = event.to_data()
    return ReceiveMessage(
        message_id=MessageId(f"group:{told.group_id}:{told.notification_id}:{index}"),  # no message has such an id
        chat=told.group_id,
        sender=told.group_id if told.by is None else told.by.jid,
        senders=_names(told.by),  # by the next delivery we may know more of who did it
        from_me=False,
        kind=GROUP_KIND,
        content={"kind": GROUP_KIND, "type": event_type.type, "data": data},
        timestamp=at,
        event_type=event_type.type,
        event=data,
    )


async def _event(news: MembersChanged | GroupChanged, common: dict[str, Any], pace: Pace) -> tuple[EventType, Model]:
    match news:
        case MembersChanged():
            people: list[GroupPerson] = []
            for each in news.people:
                people.append(GroupPerson(**_person(each)))
                await pace.breathe()
            return GROUP_PARTICIPANTS, GroupParticipantsChanged(
                **common,
                action=PeopleChange(news.action),
                participants=people,
                includes_me=news.includes_me,
                subject=news.subject,
                previous=None if news.previous is None else GroupPerson(**_person(news.previous)),
                method=news.method,
            )
        case GroupChanged():
            return GROUP_UPDATED, GroupUpdated(
                **common,
                subject=news.subject,
                description=news.description,
                announcement=news.announcement,
                locked=news.locked,
                join_approval=news.join_approval,
                members_add=news.members_add,
                disappearing_seconds=news.disappearing,
                picture=None if news.picture is None else PictureChange(news.picture),
                invite_code=news.invite_code,
                whatsapp_type=news.whatsapp_type,
            )
        case _:
            assert_never(news)


def _names(member: GroupMember | None) -> frozenset[str]:
    known = () if member is None else (member.lid, None if member.phone is None else told_jid(member.phone))
    return frozenset(name for name in known if name is not None)


def _person(member: GroupMember) -> dict[str, Any]:
    return {"jid": member.jid, "lid": member.lid, "phone": member.phone}
