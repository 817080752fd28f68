"""Whom the account blocks, by command; and what it is told of it."""

import pytest

from gateway_worker.connections.people.contacts import learnt_contacts
from gateway_worker.connections.people.identities import Identities
from gateway_worker.store.operations.contacts import Contact
from gateway_worker.whatsapp.people import ContactCheck, ContactReport, ContactsReported
from schemas.errors import MessageRecipientUnknown
from tests.support.connections.virtual_time import EPOCH, virtual
from tests.support.connections.world import ANNA, MAPPINGS, command, world

BERT, LID = "15550002222@s.whatsapp.net", "123456789012345@lid"


@virtual
async def test_a_person_is_blocked_as_whatsapp_writes_the_number() -> None:
    async def as_known(phone: str) -> ContactCheck:
        return ContactCheck(phone=phone, exists=True, jid=BERT)

    async with world() as w:
        await w.connected()
        w.engine.contact = as_known
        own = w.manager.of(ANNA).own_account
        await own.block(command("contact.block.v1", ANNA, {"contact": "+15550009222"}))
        await own.unblock(command("contact.unblock.v1", ANNA, {"contact": LID}))
        assert w.engine.own.blocks == [(BERT, True), (LID, False)]


@virtual
async def test_who_is_not_on_whatsapp_cannot_be_blocked() -> None:
    async def nobody(phone: str) -> ContactCheck:
        return ContactCheck(phone=phone, exists=False)

    async with world() as w:
        await w.connected()
        w.engine.contact = nobody
        with pytest.raises(MessageRecipientUnknown):
            await w.manager.of(ANNA).own_account.block(command("contact.block.v1", ANNA, {"contact": "+15550009222"}))


@virtual
async def test_the_list_shows_whom_the_store_knows_as_blocked() -> None:
    async with world() as w:
        await w.connected()
        rows = {jid: Contact(jid=jid, blocked=jid != "3@lid") for jid in ("1@lid", "2@lid", "3@lid", "4@lid")}
        w.storage.contacts.rows = rows
        ask = w.manager.queries.table()["contact.blocked.v1"]
        page = await ask(command("contact.blocked.v1", ANNA, {"limit": 2}))
        assert page.to_data() == {
            "contacts": [{"jid": "1@lid", "blocked": True}, {"jid": "2@lid", "blocked": True}],
            "cursor": "2@lid",
        }
        (last,) = (await ask(command("contact.blocked.v1", ANNA, {"cursor": "2@lid"}))).to_data()["contacts"]
        assert last["jid"] == "4@lid"


def test_what_is_told_of_a_list_goes_to_the_one_name_of_a_person() -> None:
    identities = Identities(MAPPINGS)
    identities.learn({LID: BERT})
    report = ContactsReported(contacts=[ContactReport(jid=LID, lid=LID, blocked=True)], from_before=True)
    (learnt,) = learnt_contacts(report, identities, EPOCH)
    assert learnt.from_before
    assert learnt.contacts == [Contact(jid=BERT, lid=LID, phone="+15550002222", blocked=True)]
