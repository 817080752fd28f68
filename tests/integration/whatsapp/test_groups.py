"""Messages of groups: sender keys, their distribution, and receipts by participant."""

import time

from gateway_worker.simulator.world.group import Group
from gateway_worker.whatsapp.facts import ReceiptArrived
from gateway_worker.whatsapp.groups import PeopleAction
from gateway_worker.whatsapp.outgoing import OutgoingMessage
from schemas.content.content import Text
from tests.support.whatsapp.engine import Lab, new_message_id
from tests.support.whatsapp.phones import Phone


def make_group(lab: Lab, *members: Phone) -> str:
    """A group of these people; its JID."""
    numbers = [phone.number[1:] for phone in members]
    group = Group(
        id=f"120363{numbers[0]}",
        subject="us",
        owner=numbers[0],
        created=int(time.time()),
        members=dict.fromkeys(numbers),
    )
    lab.simulator.core.world.groups[group.id] = group
    return group.jid


async def test_a_group_message_goes_to_all_and_is_described_with_its_sender(shared: Lab) -> None:
    ana, from_ana = await shared.connected("Ana")
    bob, from_bob = await shared.connected("Bob")
    eve = await shared.phones.give("Eve")
    group = make_group(shared, ana.phone, bob.phone, eve)

    for text in ("hello all", "and again"):
        await from_ana.send(OutgoingMessage(message_id=new_message_id(), to=group, content=Text(text=text)))
    await bob.owner.until(lambda: "and again" in bob.owner.texts())
    await from_bob.send(OutgoingMessage(message_id=new_message_id(), to=group, content=Text(text="hello Ana")))
    await ana.owner.until(lambda: "hello Ana" in ana.owner.texts())

    assert bob.owner.texts() == ["hello all", "and again"]
    message = next(e.message for e in bob.owner.entries.values() if e.message)
    assert (message.chat, message.is_group, message.from_me) == (group, True, False)
    assert message.sender.phone == ana.phone.number
    assert message.sender.lid is not None
    texts = [entry["content"]["text"] for entry in await shared.phones.inbox(eve, 3)]
    assert texts == ["hello all", "and again", "hello Ana"]
    await ana.owner.until(lambda: any(r.participant == eve.jid for r in ana.owner.facts_of(ReceiptArrived)))
    assert {receipt.chat for receipt in ana.owner.facts_of(ReceiptArrived)} == {group}
    stats = await shared.phones.stats()
    assert stats["decryptFailures"] == stats["retries"] == 0
    await from_ana.close()
    await from_bob.close()


async def test_who_has_left_knows_no_key_that_is_used_from_then_on(shared: Lab) -> None:
    _, from_ana = await shared.connected("Ana")
    eve, joe = await shared.phones.give("Eve"), await shared.phones.give("Joe")
    made = await from_ana.groups.create("Us", [eve.jid, joe.jid])

    async def say(text: str, count: int) -> None:
        message = OutgoingMessage(message_id=new_message_id(), to=made.group_id, content=Text(text=text))
        await from_ana.send(message)
        await shared.phones.inbox(joe, count)

    def chains() -> int:
        """How many sender keys of others Joe's phone was given."""
        learned = shared.simulator.core.world.accounts[joe.number[1:]].primary.sender_keys._learned  # pyright: ignore[reportPrivateUsage]
        return sum(len(each) for (group, _), each in learned.items() if group == made.group_id)

    await say("one", 1)
    await say("two", 2)
    assert chains() == 1
    await from_ana.groups.change_people(made.group_id, PeopleAction.REMOVE, [eve.jid])
    await say("three", 3)
    assert chains() == 2
    assert len(await shared.phones.inbox(eve)) == 2
    await from_ana.close()
