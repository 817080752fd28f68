"""The account itself: whom it blocks, how it shows itself, by commands and by the phone, real Baileys between them."""

import base64
import io

from PIL import Image

from tests.e2e.conftest import Member, World
from tests.e2e.messages.asking import accepted, by_phone, of, result
from tests.support import media
from tests.support.backend import Document


async def test_a_person_is_blocked_by_a_command_and_by_the_phone(world: World) -> None:
    ana, ben, eve = await world.paired("Ana"), await world.phones.give("Ben"), await world.phones.give("Eve")
    eve_lid = (await world.phones.person(eve))["lid"]
    await accepted(world, ana, "contact.block.v1", {"contact": ben.number})
    told = await world.backend.event("contact.blocked.v1", of(ana, jid=ben.jid, blocked=True))
    assert told["data"]["phone"] == ben.number
    async with world.phones.http.get(f"/phones/{ana.phone.number}/blocked") as response:
        assert [each["jid"] for each in await response.json()] == [ben.jid]
    await world.phones.send(ben, ana.phone.number, "nobody hears it")
    await by_phone(world, ana, "block", contact=eve.number)
    await world.backend.event("contact.blocked.v1", of(ana, lid=eve_lid, blocked=True))
    page = await result(world, ana, "contact.blocked.v1", {})
    assert {each["lid"] for each in page["contacts"]} == {told["data"]["lid"], eve_lid}
    await by_phone(world, ana, "unblock", contact=eve.number)
    await world.backend.event("contact.blocked.v1", of(ana, lid=eve_lid, blocked=False))
    await accepted(world, ana, "contact.unblock.v1", {"contact": ben.number})
    await world.backend.event("contact.blocked.v1", of(ana, jid=ben.jid, blocked=False))
    assert (await result(world, ana, "contact.blocked.v1", {}))["contacts"] == []
    message_id = await world.phones.send(ben, ana.phone.number, "and now somebody does")
    await world.backend.event("message.received.v1", of(ana, messageId=message_id))
    history = await result(world, ana, "message.history.v1", {"chat": ben.number})
    assert [each["content"]["text"] for each in history["messages"]] == ["and now somebody does"]
    nobody = await world.backend.ask("contact.block.v1", ana.session_id, {"contact": "+15550009999"})
    assert nobody["data"]["code"] == "message.recipient_unknown"


async def _shown(world: World, member: Member) -> Document:
    async with world.phones.http.get(f"/phones/{member.phone.number}/profile") as response:
        return await response.json()


async def test_the_account_shows_itself_as_a_command_and_the_phone_have_it(world: World) -> None:
    ana = await world.paired("Ana")
    picture = base64.b64encode(media.picture("PNG", 900, 500)).decode()
    data = {"name": "Ana & Co", "about": "Open until six", "picture": {"base64": picture}}
    await accepted(world, ana, "profile.set.v1", data)
    await world.backend.event("profile.updated.v1", of(ana, pushName="Ana & Co"))
    await world.backend.event("profile.updated.v1", of(ana, about="Open until six"))
    await world.backend.event("profile.updated.v1", of(ana, picture="changed"))
    shown = await _shown(world, ana)
    assert (shown["name"], shown["about"]) == ("Ana & Co", "Open until six")
    with Image.open(io.BytesIO(base64.b64decode(shown["picture"]))) as square:
        assert (square.format, square.size) == ("JPEG", (500, 500))
    described = await result(world, ana, "profile.describe.v1", {})
    assert (described["name"], described["about"]) == ("Ana & Co", "Open until six")
    assert described["pictureUrl"].startswith("https://")
    await by_phone(world, ana, "picture", base64="")
    await world.backend.event("profile.updated.v1", of(ana, picture="removed"))
    await accepted(world, ana, "profile.set.v1", {"about": ""})
    described = await result(world, ana, "profile.describe.v1", {})
    assert ("about" in described, "pictureId" in described) == (False, False)


async def test_who_sees_what_is_set_by_a_command_and_on_the_phone(world: World) -> None:
    ana = await world.paired("Ana")
    wanted = {"lastSeen": "contactsExcept", "online": "matchLastSeen", "readReceipts": "none", "calls": "known"}
    await accepted(world, ana, "privacy.set.v1", wanted)
    kept = (await _shown(world, ana))["privacy"]
    names = ("last", "online", "readreceipts", "calladd", "groupadd")
    assert [kept[each] for each in names] == ["contact_blacklist", "match_last_seen", "none", "known", "all"]
    await by_phone(world, ana, "privacy", name="groupadd", value="contacts")
    found = await result(world, ana, "privacy.describe.v1", {})
    assert found == {**wanted, "sessionId": ana.session_id, "groups": "contacts", "picture": "all", "about": "all"}
    refused = await world.backend.ask("privacy.set.v1", ana.session_id, {"online": "none"})
    assert refused["data"]["code"] == "command.invalid"


async def test_a_thousand_numbers_are_checked_in_one_command(world: World) -> None:
    ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
    phones = [f"+1555990{number:04}" for number in range(999)]
    found = await result(world, ana, "contact.check.v1", {"phones": [*phones, ben.number]})
    assert [each["phone"] for each in found["contacts"]] == [*phones, ben.number]
    assert [each["jid"] for each in found["contacts"] if each["exists"]] == [ben.jid]
    refused = await world.backend.ask("contact.check.v1", ana.session_id, {"phones": [*phones, *phones]})
    assert refused["data"]["code"] == "command.invalid"
