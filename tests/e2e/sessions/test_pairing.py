import base64

from tests.e2e.conftest import World


async def test_a_session_is_paired_by_qr_and_tells_every_step(world: World) -> None:
    session_id, phone = world.new_session_id(), await world.phones.give("Ana")

    reply = await world.create(session_id)
    shown = await world.backend.state(session_id, "qr_required")
    await world.phones.scan(phone, shown["data"]["qrString"])
    connected = await world.backend.state(session_id, "connected")

    assert reply["type"] == "command.accepted.v1"
    assert reply["data"]["commandType"] == "session.create.v1"
    png = base64.b64decode(shown["data"]["qrCode"].removeprefix("data:image/png;base64,"))
    assert png.startswith(b"\x89PNG")
    assert shown["data"]["expiresAt"].endswith("Z")
    assert "sequence" not in shown
    assert connected["data"]["phone"] == phone.number
    assert connected["data"]["jid"] == phone.jid
    assert connected["data"]["lid"].endswith("@lid")
    assert connected["data"]["userId"] == "tester"
    assert connected["data"]["workerId"] == "worker-001"
    assert shown["_routing_key"] == f"session.status.{session_id}"
    sequences = [int(event["sequence"]) for event in world.backend.of(session_id) if "sequence" in event]
    assert sequences == list(range(1, len(sequences) + 1))


async def test_a_session_is_paired_by_code(world: World) -> None:
    session_id, phone = world.new_session_id(), await world.phones.give("Cleo")

    await world.create(session_id, pairing={"method": "code", "phone": phone.number})
    shown = await world.backend.state(session_id, "code_required")
    await world.phones.link(phone, shown["data"]["pairingCode"])
    connected = await world.backend.state(session_id, "connected")

    assert "sequence" not in shown
    assert connected["data"]["phone"] == phone.number


async def test_the_live_qr_can_be_asked_for_and_is_gone_after_pairing(world: World) -> None:
    session_id, phone = world.new_session_id(), await world.phones.give()
    await world.create(session_id)
    shown = await world.backend.state(session_id, "qr_required")

    live = await world.backend.ask("session.qr.v1", session_id)
    await world.phones.scan(phone, live["data"]["result"]["qrString"])
    await world.backend.state(session_id, "connected")
    gone = await world.backend.ask("session.qr.v1", session_id)

    assert live["data"]["result"]["qrString"] == shown["data"]["qrString"]
    assert live["data"]["result"]["qrCode"].startswith("data:image/png;base64,")
    assert (gone["type"], gone["data"]["code"]) == ("command.rejected.v1", "session.not_pairing")


async def test_a_server_with_another_root_key_is_refused(own_world: World) -> None:
    world = own_world
    await world.worker.stop()
    await world.stage.start_worker("worker-002", {"GATEWAY_WHATSAPP_ROOT_KEY": "00" * 32})
    session_id = world.new_session_id()

    await world.create(session_id)
    failed = await world.backend.state(session_id, "failed")

    assert failed["data"]["workerId"] == "worker-002"
    assert not [e for e in world.backend.of(session_id) if e["data"].get("qrString")]
