"""The passkey ceremony as a session's owner leads it."""

import asyncio
import json
from typing import Any

import pytest

from gateway_worker.connections.lifecycle.states import State
from gateway_worker.connections.passkey.assertion import MAX_ASSERTION, check_assertion
from gateway_worker.whatsapp.facts import Cause, PasskeyCode, PasskeyRequired
from schemas.commands.commands import Command, parse_command
from schemas.errors import PasskeyExpired, PasskeyInvalid, PasskeyRefused, SessionNotPairing
from schemas.events.sessions import SessionStatus
from tests.support.connections.fake_engine import FakeConnection
from tests.support.connections.virtual_time import virtual
from tests.support.connections.world import ANNA, World, show_qr, world
from tests.support.whatsapp.passkeys import OPTIONS, assertion, authenticator_data, client_data, encoded

_OTHER = encoded(bytes(16))


def _command(kind: str, **data: Any) -> Command[Any]:
    body = {"specversion": "1.0", "id": "1", "source": "/t", "type": kind, "subject": ANNA, "data": data}
    return parse_command(json.dumps(body).encode())


async def _prove(w: World, said: dict[str, Any]) -> None:
    await w.manager.of(ANNA).use_passkey(_command("session.passkey.v1", assertion=said))


async def _confirm(w: World, *, confirmed: bool) -> None:
    await w.manager.of(ANNA).confirm_passkey(_command("session.passkey.confirm.v1", confirmed=confirmed))


async def _ask(connection: FakeConnection) -> None:
    await show_qr(connection)
    await connection.notify(PasskeyRequired(options=OPTIONS, expires_in=600))


async def _asked(w: World) -> None:
    w.engine.script = _ask
    await w.create()
    await w.until(
        lambda: any(isinstance(announced, SessionStatus) and announced.passkey for announced in w.announcer.announced)
    )


def test_an_assertion_that_answers_the_request_is_in_order() -> None:
    check_assertion(assertion(), OPTIONS)
    check_assertion(assertion(response={"userHandle": None}, more={"of": "it"}), OPTIONS)
    unverified = assertion(response={"authenticatorData": authenticator_data(flags=1)})
    check_assertion(unverified, OPTIONS | {"userVerification": "preferred"})


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("rawId", assertion(rawId=7)),
        ("rawId", assertion(rawId="", id="")),
        ("rawId", assertion(rawId="ab=", id="ab=")),
        ("id", assertion(id=_OTHER)),
        ("type", assertion(type="password")),
        ("response", assertion() | {"response": "none"}),
        ("response.signature", assertion(response={"signature": ""})),
        ("response.signature", assertion(response={"signature": None})),
        ("response.userHandle", assertion(response={"userHandle": "ä"})),
        ("response.clientDataJSON", assertion(response={"clientDataJSON": encoded(b"[]")})),
        ("response.clientDataJSON", assertion(response={"clientDataJSON": client_data(type="webauthn.create")})),
        ("response.clientDataJSON", assertion(response={"clientDataJSON": client_data(challenge=_OTHER)})),
        ("response.clientDataJSON", assertion(response={"clientDataJSON": client_data(origin="https://whatsapp.com")})),
        ("response.authenticatorData", assertion(response={"authenticatorData": encoded(bytes(36))})),
        (
            "response.authenticatorData",
            assertion(response={"authenticatorData": authenticator_data(rp_id="example.org")}),
        ),
        ("response.authenticatorData", assertion(response={"authenticatorData": authenticator_data(flags=4)})),
        ("response.authenticatorData", assertion(response={"authenticatorData": authenticator_data(flags=1)})),
        ("", assertion(more="x" * MAX_ASSERTION)),
    ],
)
def test_what_is_wrong_with_an_assertion_is_said_with_its_field(field: str, said: dict[str, Any]) -> None:
    with pytest.raises(PasskeyInvalid) as invalid:
        check_assertion(said, OPTIONS)
    assert invalid.value.detail is not None
    assert invalid.value.detail["path"] == f"data.assertion.{field}".rstrip(".")


def test_only_a_credential_that_is_asked_for_serves() -> None:
    options = OPTIONS | {"allowCredentials": [{"type": "public-key", "id": _OTHER}]}
    with pytest.raises(PasskeyInvalid):
        check_assertion(assertion(), options)


@virtual
async def test_the_request_is_told_without_a_sequence_and_the_socket_stays() -> None:
    async with world() as w:
        await _asked(w)
        await w.state(State.PASSKEY_REQUIRED)
        fact = w.announcer.announced[-1]
        assert isinstance(fact, SessionStatus)
        assert fact.passkey is not None
        assert fact.passkey.options == OPTIONS
        assert fact.reason is not None
        assert (fact.reason.code, fact.reason.action) == ("pairing.passkey_required", "use_passkey")
        assert w.storage.states(ANNA) == ["connecting"]
        assert not w.engine.last.over


@virtual
async def test_an_assertion_leaves_once_however_often_it_is_handed_in() -> None:
    async with world() as w:
        await _asked(w)
        await asyncio.gather(_prove(w, assertion()), _prove(w, assertion()))
        await _prove(w, assertion())
        assert w.engine.last.proofs == [assertion()]
        with pytest.raises(SessionNotPairing):
            await _prove(w, assertion(response={"signature": encoded(b"another")}))


@virtual
async def test_a_wrong_assertion_does_not_leave_and_a_right_one_may_follow() -> None:
    async with world() as w:
        await _asked(w)
        with pytest.raises(PasskeyInvalid):
            await _prove(w, assertion(type="password"))
        await _prove(w, assertion())
        assert w.engine.last.proofs == [assertion()]


@virtual
async def test_a_code_is_told_and_confirmed_once() -> None:
    async with world() as w:
        await _asked(w)
        with pytest.raises(SessionNotPairing):
            await _confirm(w, confirmed=True)
        await _prove(w, assertion())
        await w.engine.last.notify(PasskeyCode(code="ABCD-EFGH", expires_in=300))
        await w.state(State.PASSKEY_CONFIRM)
        fact = w.announcer.announced[-1]
        assert isinstance(fact, SessionStatus)
        assert fact.code == "ABCD-EFGH"
        await _confirm(w, confirmed=True)
        await _confirm(w, confirmed=True)
        assert w.engine.last.confirmed == [True]
        with pytest.raises(SessionNotPairing):
            await _confirm(w, confirmed=False)


@virtual
async def test_what_whatsapp_refuses_is_answered_with_its_code_and_ends_the_pairing() -> None:
    async with world() as w:
        await _asked(w)
        w.engine.refuses_passkeys = True
        with pytest.raises(PasskeyRefused) as refused:
            await _prove(w, assertion())
        assert refused.value.detail == {"whatsappCode": "463"}
        await w.state(State.DISCONNECTED)
        assert (w.reason["code"], w.reason["action"]) == ("passkey.refused", "rescan")
        assert "retryAt" not in w.storage.last_state()


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (Cause.PASSKEY_EXPIRED, "passkey.expired"),
        (Cause.PASSKEY_UNANSWERED, "passkey.unanswered"),
        (Cause.CODE_DIFFERS, "pairing.untrusted"),
    ],
)
@virtual
async def test_a_ceremony_that_comes_to_nothing_says_why(cause: Cause, code: str) -> None:
    async with world() as w:
        await _asked(w)
        await w.engine.last.end(cause)
        await w.state(State.DISCONNECTED)
        assert w.reason["code"] == code
        with pytest.raises(SessionNotPairing):
            await _prove(w, assertion())


@virtual
async def test_after_its_time_nothing_leaves() -> None:
    async with world() as w:
        await _asked(w)
        await asyncio.sleep(601)
        with pytest.raises(PasskeyExpired):
            await _prove(w, assertion())
        assert w.engine.last.proofs == []


@virtual
async def test_a_bridge_that_dies_in_the_middle_leads_to_a_new_qr() -> None:
    async with world() as w:
        await _asked(w)
        await _prove(w, assertion())
        w.engine.script = show_qr
        await w.engine.last.end(Cause.BRIDGE_DIED)
        await w.state(State.QR_REQUIRED, seconds=30)
        with pytest.raises(SessionNotPairing):
            await _prove(w, assertion())
