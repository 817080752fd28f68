"""Linking an account that has a passkey: our companion against a WhatsApp that checks every step."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway_worker.whatsapp.errors import NotPairing, Refused
from gateway_worker.whatsapp.facts import (
    Cause,
    Disconnected,
    PairingCode,
    PasskeyCode,
    PasskeyRequired,
    QrCode,
)
from gateway_worker.whatsapp.port import Connection
from tests.support.whatsapp.engine import Lab, Session, lab, say


@asynccontextmanager
async def asked(place: Lab, **options: object) -> AsyncGenerator[tuple[Session, Connection, dict[str, Any]]]:
    """A session whose person was asked for the passkey, and the assertion of that person."""
    session = await place.unpaired(passkey=True)
    connection = await session.open(**options)
    if "pair_with" in options:
        await place.phones.link(session.phone, (await session.owner.next(PairingCode)).code)
    else:
        await place.phones.scan(session.phone, (await session.owner.next(QrCode)).text)
    required = await session.owner.next(PasskeyRequired)
    assertion = await place.phones.sign(session.phone, required.options)
    yield session, connection, assertion
    await connection.close()


async def _is_linked(session: Session) -> None:
    """It logs in with what it was given, and writes to its own person."""
    end = await session.owner.next(Disconnected)
    assert end.cause is Cause.RESTART_REQUIRED, end
    connection = await session.connect()
    _, acknowledged = await say(connection, session.phone, "linked")
    assert acknowledged.timestamp > 0
    await connection.close()


async def test_an_account_with_a_passkey_is_linked_by_qr_without_a_code_to_compare(shared: Lab) -> None:
    before = (await shared.phones.stats())["passkeyRefusals"]
    async with asked(shared) as (session, connection, assertion):
        await connection.prove(assertion)
        await _is_linked(session)
        assert session.owner.facts_of(PasskeyCode) == []
    stats = await shared.phones.stats()
    assert stats["passkeyRefusals"] == before, stats["passkeyRefusalCauses"]


async def test_it_is_linked_by_pairing_code_too(shared: Lab) -> None:
    session = await shared.unpaired(passkey=True)
    connection = await session.open(pair_with=session.phone.number[1:])
    await shared.phones.link(session.phone, (await session.owner.next(PairingCode)).code)
    required = await session.owner.next(PasskeyRequired)
    assertion = await shared.phones.sign(session.phone, required.options)
    await connection.prove(assertion)
    await _is_linked(session)


async def test_a_step_is_taken_once_and_only_when_it_is_due(shared: Lab) -> None:
    async with asked(shared) as (session, connection, assertion):
        with pytest.raises(NotPairing):
            await connection.confirm_code(same=True)
        await connection.prove(assertion)
        with pytest.raises(NotPairing):
            await connection.prove(assertion)
        await _is_linked(session)


async def test_what_whatsapp_refuses_ends_the_pairing_with_its_code(shared: Lab) -> None:
    async with asked(shared) as (session, connection, assertion):
        await shared.phones.fault("passkey_refused", session.phone, code=463)
        with pytest.raises(Refused) as refused:
            await connection.prove(assertion)
        assert refused.value.code == "463"
        end = await session.owner.next(Disconnected)
        assert (end.cause, end.code) == (Cause.PASSKEY_REFUSED, 463)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("passkey_bad_nonce", Cause.PAIRING_FORGED),
        ("passkey_twice", Cause.RESTART_REQUIRED),
        ("passkey_late", Cause.RESTART_REQUIRED),
    ],
)
async def test_a_phone_that_goes_on_in_its_own_way(shared: Lab, fault: str, cause: Cause) -> None:
    async with asked(shared) as (session, connection, assertion):
        await shared.phones.fault(fault, session.phone, after=0.3)
        await connection.prove(assertion)
        assert (await session.owner.next(Disconnected)).cause is cause


async def test_options_that_did_not_come_are_asked_for(shared: Lab) -> None:
    session = await shared.unpaired(passkey=True)
    await shared.phones.fault("passkey_without_options", session.phone)
    connection = await session.open()
    await shared.phones.scan(session.phone, (await session.owner.next(QrCode)).text)
    assert (await session.owner.next(PasskeyRequired)).options["rpId"] == "whatsapp.com"
    await connection.close()


async def test_a_phone_that_does_not_go_on_ends_it_in_a_while() -> None:
    async with lab(passkey_answer_timeout=0.3) as place, asked(place) as (session, connection, assertion):
        await place.phones.fault("passkey_unanswered", session.phone)
        await connection.prove(assertion)
        assert (await session.owner.next(Disconnected)).cause is Cause.PASSKEY_UNANSWERED


@pytest.mark.parametrize("same", [True, False])
async def test_a_code_is_compared_where_the_scan_is_long_ago(same: bool) -> None:  # noqa: FBT001
    async with lab(passkey_handoff_lifetime=0) as place, asked(place) as (session, connection, assertion):
        await connection.prove(assertion)
        shown = await session.owner.next(PasskeyCode)
        phone = await place.phones.person(session.phone)
        assert phone["passkeyCode"] == shown.code
        await connection.confirm_code(same=same)
        if same:
            await _is_linked(session)
        else:
            assert (await session.owner.next(Disconnected)).cause is Cause.CODE_DIFFERS
