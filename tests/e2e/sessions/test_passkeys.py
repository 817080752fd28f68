"""An account with a passkey is linked, over the broker."""

from typing import Any

from tests.e2e.conftest import World
from tests.e2e.sessions.test_crashes import kill_and_restart
from tests.support.whatsapp.phones import Phone


async def _asked(world: World, session_id: str, phone: Phone) -> dict[str, Any]:
    """The session is created and scanned; the assertion of its person."""
    await world.create(session_id)
    await world.scan(session_id, phone)
    asked = await world.backend.state(session_id, "passkey_required")
    assert "sequence" not in asked
    assert asked["data"]["passkey"]["expiresAt"].endswith("Z")
    assert asked["data"]["reason"]["code"] == "pairing.passkey_required"
    assert asked["data"]["reason"]["action"] == "use_passkey"
    return await world.phones.sign(phone, asked["data"]["passkey"]["options"])


async def test_an_account_with_a_passkey_is_linked_and_writes_both_ways(world: World) -> None:
    session_id, phone = world.new_session_id(), await world.phones.give(passkey=True)
    other = await world.phones.give("Ben")
    assertion = await _asked(world, session_id, phone)

    wrong = assertion | {"response": assertion["response"] | {"clientDataJSON": "e30"}}
    refused = await world.backend.ask("session.passkey.v1", session_id, {"assertion": wrong})
    taken = await world.backend.ask("session.passkey.v1", session_id, {"assertion": assertion})
    connected = await world.backend.state(session_id, "connected")

    assert (refused["data"]["code"], refused["data"]["detail"]["path"]) == (
        "passkey.invalid",
        "data.assertion.response.clientDataJSON",
    )
    assert taken["type"] == "command.accepted.v1"
    assert connected["data"]["phone"] == phone.number
    text = {"to": other.number, "content": {"kind": "text", "text": "linked"}}
    await world.status(await world.backend.publish("message.send.v1", session_id, text), "delivered")
    await world.phones.send(other, phone.number, "welcome")
    await world.backend.event("message.received.v1", lambda e: e["data"]["sessionId"] == session_id)
    late = await world.backend.ask("session.passkey.confirm.v1", session_id, {"confirmed": True})
    assert late["data"]["code"] == "session.not_pairing"


async def test_a_worker_that_dies_in_the_middle_leaves_a_new_qr_to_be_scanned(mortal_world: World) -> None:
    world = mortal_world
    session_id, phone = world.new_session_id(), await world.phones.give(passkey=True)
    assertion = await _asked(world, session_id, phone)
    so_far = len(world.backend.events)

    await kill_and_restart(world)
    await world.scan(session_id, phone, after=so_far)
    again = await world.backend.state(session_id, "passkey_required", after=so_far)
    stale = await world.backend.ask("session.passkey.v1", session_id, {"assertion": assertion})
    fresh = await world.phones.sign(phone, again["data"]["passkey"]["options"])
    await world.backend.ask("session.passkey.v1", session_id, {"assertion": fresh})
    await world.backend.state(session_id, "connected", after=so_far)

    assert stale["data"]["code"] == "passkey.invalid"  # it answers another challenge
