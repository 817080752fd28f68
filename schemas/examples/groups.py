"""An example of each command, result and event about groups."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from schemas.content.groups import (
    GroupCreated,
    GroupDescription,
    GroupInvite,
    GroupJoined,
    GroupPage,
    GroupParticipant,
    GroupPerson,
    GroupRequestsAnswered,
    GroupRole,
    GroupSummary,
    JoinRequest,
    Outcome,
    ParticipantOutcome,
    ParticipantsChanged,
)
from schemas.events.groups import GroupAuthor, GroupParticipantsChanged, GroupUpdated, PeopleChange, PictureChange
from schemas.model import Model
from schemas.names import SessionId

_NOW: Final = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
_GROUP: Final = "120363041234567890@g.us"
_CODE: Final = "AbCdEfGh1234567890IjKl"
_ANA: Final = {"jid": "15550001111@s.whatsapp.net", "lid": "204857102938475@lid", "phone": "+15550001111"}
_BEN: Final = {"jid": "15550002222@s.whatsapp.net", "lid": "118273645546372@lid", "phone": "+15550002222"}

GROUP_COMMAND_DATA: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "group.create.v1": ({"subject": "Sunday", "participants": ["+15550002222", "204857102938475@lid"]},),
    "group.describe.v1": ({"groupId": _GROUP},),
    "group.list.v1": ({}, {"limit": 50, "cursor": _GROUP}),
    "group.participants.v1": (
        {"groupId": _GROUP, "action": "add", "participants": ["+15550002222"]},
        {"groupId": _GROUP, "action": "promote", "participants": ["+15550002222"]},
    ),
    "group.update.v1": (
        {"groupId": _GROUP, "subject": "Sunday at noon", "description": "Bring cake"},
        {"groupId": _GROUP, "announcement": True, "locked": True},
        {"groupId": _GROUP, "joinApproval": True, "membersAdd": False},
    ),
    "group.picture.v1": (
        {"groupId": _GROUP, "picture": {"object": "uploads/us.jpg"}},
        {"groupId": _GROUP, "removePicture": True},
    ),
    "group.requests.v1": (
        {"groupId": _GROUP},
        {"groupId": _GROUP, "action": "approve", "participants": ["+15550002222"]},
        {"groupId": _GROUP, "action": "reject", "participants": ["118273645546372@lid"]},
    ),
    "group.invite.v1": ({"groupId": _GROUP}, {"groupId": _GROUP, "revoke": True}),
    "group.join.v1": ({"code": _CODE}, {"link": f"https://chat.whatsapp.com/{_CODE}"}),
    "group.leave.v1": ({"groupId": _GROUP},),
}

_ADDED: Final = ParticipantOutcome(
    participant="+15550002222", jid=_BEN["jid"], outcome=Outcome.DONE, whatsapp_code="200"
)
_PRIVATE: Final = ParticipantOutcome(
    participant="+15550003333", jid="15550003333@s.whatsapp.net", outcome=Outcome.NEEDS_INVITE, whatsapp_code="403"
)
_SUMMARY: Final[Mapping[str, Any]] = {
    "group_id": _GROUP,
    "subject": "Sunday",
    "owner": GroupPerson(**_ANA),
    "created_at": _NOW,
    "size": 2,
    "announcement": False,
    "locked": False,
    "role": GroupRole.SUPERADMIN,
}

GROUP_RESULTS: Final[Mapping[str, Model]] = {
    "group.create.v1": GroupCreated(group_id=_GROUP, subject="Sunday", participants=[_ADDED, _PRIVATE]),
    "group.describe.v1": GroupDescription(
        **_SUMMARY,
        description="Bring cake",
        participants=[
            GroupParticipant(**_ANA, role=GroupRole.SUPERADMIN),
            GroupParticipant(**_BEN, role=GroupRole.MEMBER),
        ],
    ),
    "group.list.v1": GroupPage(groups=[GroupSummary(**_SUMMARY)], cursor=_GROUP),
    "group.participants.v1": ParticipantsChanged(group_id=_GROUP, participants=[_ADDED, _PRIVATE]),
    "group.requests.v1": GroupRequestsAnswered(
        group_id=_GROUP, requests=[JoinRequest(**_BEN, method="invite_link", requested_at=_NOW)]
    ),
    "group.invite.v1": GroupInvite(group_id=_GROUP, code=_CODE, link=f"https://chat.whatsapp.com/{_CODE}"),
    "group.join.v1": GroupJoined(group_id=_GROUP),
}

_ABOUT: Final[Mapping[str, Any]] = {
    "session_id": SessionId("user123-personal"),
    "group_id": _GROUP,
    "by": GroupAuthor(**_ANA, push_name="Ana"),
    "timestamp": _NOW,
}

GROUP_EVENT_DATA: Final[Mapping[str, tuple[Model, ...]]] = {
    "group.updated.v1": (
        GroupUpdated(**_ABOUT, subject="Sunday at noon"),
        GroupUpdated(**_ABOUT, announcement=True),
        GroupUpdated(**_ABOUT, join_approval=True),
        GroupUpdated(**_ABOUT, picture=PictureChange.CHANGED),
    ),
    "group.participants.v1": (
        GroupParticipantsChanged(
            **_ABOUT, action=PeopleChange.ADD, participants=[GroupPerson(**_BEN)], includes_me=False
        ),
        GroupParticipantsChanged(
            **_ABOUT,
            action=PeopleChange.ADD,
            participants=[GroupPerson(**_ANA), GroupPerson(**_BEN)],
            includes_me=True,
            subject="Sunday",
        ),
        GroupParticipantsChanged(
            **_ABOUT,
            action=PeopleChange.REQUEST,
            participants=[GroupPerson(**_BEN)],
            includes_me=False,
            method="invite_link",
        ),
        GroupParticipantsChanged(
            **_ABOUT,
            action=PeopleChange.MODIFY,
            participants=[GroupPerson(**_BEN)],
            includes_me=False,
            previous=GroupPerson(**_ANA),
        ),
    ),
}
