"""What may be long lets others have the event loop after every bit of it: the bits are counted, their time is not."""

from typing import Any

import pytest

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.baileys.codec.cards import with_cards
from gateway_worker.whatsapp.baileys.codec.contents import content_of
from gateway_worker.whatsapp.baileys.groups import group_notification_of
from gateway_worker.whatsapp.baileys.reading import Unread, taken_up
from gateway_worker.whatsapp.facts import FactUnreadable
from gateway_worker.whatsapp.groups import GroupNotification, MembersChanged
from schemas.content.content import Contacts

PERSON = {"jid": "15550001111@s.whatsapp.net", "lid": "42@lid", "phone": "+15550001111"}
CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Ben\nTEL:+15550002222\nEND:VCARD"
PEOPLE = 2_048


class Breaths(Pace):
    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    async def breathe(self) -> None:
        self.taken += 1
        await super().breathe()


@pytest.mark.parametrize(
    "cards", [[CARD] * 256, ["\n".join([CARD] * 256)], [CARD.replace("TEL", "\n".join(["TEL:1"] * 500))]]
)
async def test_cards_are_read_line_by_line(cards: list[str]) -> None:
    pace = Breaths()
    event = {"content": {"kind": "contacts", "vcards": cards}}
    for read in (await with_cards(event, pace), (await with_cards({"change": event}, pace))["change"]):
        content = content_of(read["content"])
        assert isinstance(content, Contacts)
        assert content.contacts[0].name == "Ben"
    assert pace.taken >= 2 * 256


def group_notification(**more: object) -> dict[str, Any]:
    people = {"kind": "people", "action": "add", "people": [PERSON] * PEOPLE, "includes_me": False, "subject": None}
    whole = {"fact": "group", "id": "1", "group": "1@g.us", "by": PERSON, "push_name": None, "timestamp": 1}
    return {**whole, "changes": [people], **more}


async def test_thousands_of_people_in_one_notification_are_read_one_by_one_when_it_is_its_turn() -> None:
    pace = Breaths()
    event = await group_notification_of(group_notification(), pace)
    assert isinstance(event.changes[0], MembersChanged)
    assert (len(event.changes[0].people), pace.taken) == (PEOPLE, PEOPLE)
    waiting = taken_up(group_notification())
    assert isinstance(waiting, Unread)
    assert isinstance(await waiting.read(), GroupNotification)


async def test_a_notification_that_cannot_be_read_is_told_as_that() -> None:
    assert await Unread(group_notification(changes=[{"kind": "people"}])).read() == FactUnreadable(
        fact="group",
        detail="changes.0.people.action: missing",
        payload=group_notification(changes=[{"kind": "people"}]),
    )
