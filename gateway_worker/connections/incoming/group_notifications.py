"""From what WhatsApp tells of a group to the writes that store it with its events."""

from datetime import datetime
from typing import Any, Final, assert_never

from gateway_worker.connections.base.times import instant
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.groups import GroupChanged, GroupMember, GroupNotification, MembersChanged
from schemas.addresses import jid_of_phone
from schemas.content.groups import GroupPerson
from schemas.events.events import GROUP_PARTICIPANTS, GROUP_UPDATED, EventType
from schemas.events.groups import GroupAuthor, GroupParticipantsChanged, GroupUpdated, PeopleChange, PictureChange
from schemas.model import Model
from schemas.names import MessageId, SessionId

GROUP_KIND: Final = "group"


async def group_arrivals(session_id: SessionId, notification: GroupNotification, now: datetime) -> list[ReceiveMessage]:
    """What makes it durable, once: it is kept beside the messages of its chat, as a kind of its own.

    WhatsApp delivers a notification again, under its id, when its acknowledgement is lost.
    """
    pace = Pace()
    return [await _arrival(session_id, notification, index, now, pace) for index in range(len(notification.changes))]


async def _arrival(
    session_id: SessionId, notification: GroupNotification, index: int, now: datetime, pace: Pace
) -> ReceiveMessage:
    at = instant(notification.timestamp, now)
    common: dict[str, Any] = {
        "session_id": session_id,
        "group_id": notification.group_id,
        "by": None
        if notification.by is None
        else GroupAuthor(**_person(notification.by), push_name=notification.push_name),
        "timestamp": at,
    }
    event_type, event = await _event(notification.changes[index], common, pace)
    await pace.breathe()
    data = event.to_data()
    return ReceiveMessage(
        message_id=MessageId(
            f"group:{notification.group_id}:{notification.notification_id}:{index}"
        ),  # no message has such an id
        chat=notification.group_id,
        sender=notification.group_id if notification.by is None else notification.by.jid,
        senders=_names(notification.by),  # by the next delivery we may know more of who did it
        from_me=False,
        kind=GROUP_KIND,
        content={"kind": GROUP_KIND, "type": event_type.type, "data": data},
        timestamp=at,
        event_type=event_type.type,
        event=data,
    )


async def _event(change: MembersChanged | GroupChanged, common: dict[str, Any], pace: Pace) -> tuple[EventType, Model]:
    match change:
        case MembersChanged():
            people: list[GroupPerson] = []
            for each in change.people:
                people.append(GroupPerson(**_person(each)))
                await pace.breathe()
            return GROUP_PARTICIPANTS, GroupParticipantsChanged(
                **common,
                action=PeopleChange(change.action),
                participants=people,
                includes_me=change.includes_me,
                subject=change.subject,
                previous=None if change.previous is None else GroupPerson(**_person(change.previous)),
                method=change.method,
            )
        case GroupChanged():
            return GROUP_UPDATED, GroupUpdated(
                **common,
                subject=change.subject,
                description=change.description,
                announcement=change.announcement,
                locked=change.locked,
                join_approval=change.join_approval,
                members_add=change.members_add,
                disappearing_seconds=change.disappearing,
                picture=None if change.picture is None else PictureChange(change.picture),
                invite_code=change.invite_code,
                whatsapp_type=change.whatsapp_type,
            )
        case _:
            assert_never(change)


def _names(member: GroupMember | None) -> frozenset[str]:
    known = () if member is None else (member.lid, None if member.phone is None else jid_of_phone(member.phone))
    return frozenset(name for name in known if name is not None)


def _person(member: GroupMember) -> dict[str, Any]:
    return {"jid": member.jid, "lid": member.lid, "phone": member.phone}
