"""The unmodified Baileys is linked, logs in, and is unlinked."""

from gateway_worker.simulator.wire.curve import KeyPair
from tests.integration.simulator.companion import baileys
from tests.integration.simulator.conftest import World


async def test_a_scanned_qr_links_the_companion_and_its_phone_welcomes_it(world: World) -> None:
    phone = await world.person("Ann")
    async with baileys(world.simulator) as companion:
        await world.pair(companion, phone)
        me = (await companion.event("open"))["me"]
        assert me["id"] == f"{phone}:1@s.whatsapp.net"
        assert me.get("name") in (None, "Ann")  # the app state tells it, mostly later
        assert me["lid"].endswith(":1@lid")
        closes = [event["code"] for event in companion.events if event["event"] == "close"]
        assert closes == [515]
        kept = await companion.call("kept")
        assert kept["appStateKeys"] == 1
        (entry,) = (await world.get(f"/phones/{phone}"))["companions"]
        assert (entry["device"], entry["connected"], entry["logins"]) == (1, True, 1)
        assert entry["prekeys"] > 800
    assert await world.stat("badSignatures") == await world.stat("malformed") == await world.stat("unknownIqs") == 0


async def test_a_typed_code_links_the_companion(world: World) -> None:
    phone = await world.person("Ann")
    async with baileys(world.simulator, PAIRING_PHONE=phone) as companion:
        code = (await companion.event("code"))["code"]
        await world.post(f"/phones/{phone}/link", code=f"{code[:4]}-{code[4:].lower()}")
        me = (await companion.event("open"))["me"]
        assert me["id"] == f"{phone}:1@s.whatsapp.net"


async def test_a_wrong_code_links_nobody(world: World) -> None:
    phone = await world.person()
    async with baileys(world.simulator, PAIRING_PHONE=phone) as companion:
        await companion.event("code")
        await world.post(f"/phones/{phone}/link", code="ZZZZZZZZ")
        await world.simulator.wait_until(lambda: world.simulator.core.world.stats.wrong_codes > 0, 10)
        assert await world.stat("wrongCodes") == 1
        assert (await world.get(f"/phones/{phone}"))["companions"] == []
        answer = await world.post(f"/phones/{phone}/link", status=410, code="ZZZZZZZZ")
        assert answer["code"] == "code.expired"


async def test_the_second_qr_code_is_as_good_as_the_first_until_it_is_used(world: World) -> None:
    phone, other = await world.person(), await world.person()
    async with baileys(world.simulator, QR_TIMEOUT="700") as companion:
        first = (await companion.event("qr"))["qr"]
        second = (await companion.event("qr", lambda event: event["qr"] != first))["qr"]
        await world.post(f"/phones/{phone}/scan", qr=second)
        await companion.event("open")
        for used in (first, second):
            answer = await world.post(f"/phones/{other}/scan", status=410, qr=used)
            assert answer["code"] == "qr.expired"


async def test_a_wrong_root_key_is_refused_by_the_client(world: World) -> None:
    async with baileys(world.simulator, root_key=KeyPair.generate().public.hex()) as companion:
        close = await companion.event("close")
        assert close["code"] != 515
        assert "qr" not in [event["event"] for event in companion.events]
    assert await world.stat("registrations") == 0


async def test_an_account_with_a_passkey_gates_linking(world: World) -> None:
    phone = await world.person(passkey=True)
    async with baileys(world.simulator) as companion:
        qr = await companion.event("qr")
        await world.post(f"/phones/{phone}/scan", qr=qr["qr"])
        gate = await companion.event("stanza", lambda event: event["tag"] == "notification")
        assert gate["attrs"]["type"] == "passkey_prologue_request"
        assert (await world.get(f"/phones/{phone}"))["companions"] == []


async def test_unlinking_at_the_phone_logs_the_companion_out_for_good(world: World) -> None:
    phone = await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, phone)
        assert (await world.post(f"/phones/{phone}/unlink"))["removed"] == 1
        await companion.event("close", lambda event: event["code"] == 401)
        mark = len(companion.events)
        await companion.call("connect")
        again = await companion.event("close", skip=mark)
        assert (again["code"], again["message"]) == (401, "Connection Failure")
    assert await world.stat("loginsRefused") == 1


async def test_a_companion_that_logs_out_is_gone(world: World) -> None:
    phone = await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, phone)
        await companion.call("logout")
        await companion.event("close", lambda event: event["code"] == 401)
        await world.simulator.wait_until(lambda: not world.simulator.core.world.accounts[phone].companions, 5)
        assert (await world.get(f"/phones/{phone}"))["companions"] == []


async def test_a_second_login_with_the_same_keys_replaces_the_first(world: World) -> None:
    phone = await world.person()
    async with baileys(world.simulator) as companion:
        await world.pair(companion, phone)
        await companion.call("connect")  # the first socket stays open beside it
        await companion.event("close", lambda event: event["code"] == 440)
