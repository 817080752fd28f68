"""Pairing by QR and by code, against the simulator, over the real bridge."""

from gateway_worker.whatsapp.facts import Cause, Connected, Disconnected, Paired, PairingCode, QrCode
from tests.support.whatsapp.engine import Lab, lab


async def test_a_scanned_qr_pairs_and_whatsapp_asks_to_restart(shared: Lab) -> None:
    session = await shared.paired("Ana")

    kinds = [type(fact) for fact in session.owner.facts]
    assert kinds == [QrCode, Paired, Disconnected]
    paired = session.owner.facts_of(Paired)[0]
    assert paired.jid.startswith(f"{session.phone.number[1:]}:")
    assert paired.lid is not None
    assert session.owner.facts_of(QrCode)[0].expires_in == 60


async def test_credentials_are_stored_before_paired_is_told(shared: Lab) -> None:
    session = await shared.unpaired()
    seen: list[bool] = []
    notify = session.owner.notify

    async def watching(fact: object) -> None:
        if isinstance(fact, Paired):
            seen.append(session.owner.credentials is not None)
        await notify(fact)  # pyright: ignore[reportArgumentType] (the fact is passed on as it came)

    object.__setattr__(session.owner, "notify", watching)
    await session.open()
    await shared.phones.scan(session.phone, (await session.owner.next(QrCode)).text)
    await session.owner.next(Disconnected)
    assert seen == [True]


async def test_a_paired_session_logs_in(shared: Lab) -> None:
    session, connection = await shared.connected("Ana")

    fact = session.owner.facts_of(Connected)[0]
    assert fact.phone == session.phone.number
    assert fact.jid == session.phone.jid
    assert fact.lid is not None
    assert fact.lid.endswith("@lid")
    assert fact.push_name == "Ana"
    await connection.close()
    assert session.owner.facts_of(Disconnected)[-1].cause is Cause.REQUESTED


async def test_a_typed_code_pairs(shared: Lab) -> None:
    session = await shared.unpaired()
    await session.open(pair_with=session.phone.number[1:])
    code = await session.owner.next(PairingCode)
    assert len(code.code) == 8
    await shared.phones.link(session.phone, code.code)
    end = await session.owner.next(Disconnected)
    assert end.cause is Cause.RESTART_REQUIRED
    assert not session.owner.facts_of(QrCode)
    connection = await session.connect()
    await connection.close()


async def test_nothing_is_stored_of_a_pairing_that_did_not_happen(shared: Lab) -> None:
    session = await shared.unpaired()
    connection = await session.open(pair_with=session.phone.number[1:])
    await session.owner.next(PairingCode)
    await connection.close()
    assert session.owner.credentials is None
    assert not session.owner.commits


async def test_an_answer_that_no_phone_signed_links_nothing_and_says_so(shared: Lab) -> None:
    session = await shared.unpaired()
    await shared.phones.fault("forged_pairing", session.phone)
    await session.open()
    await shared.phones.scan(session.phone, (await session.owner.next(QrCode)).text)
    end = await session.owner.next(Disconnected)
    assert (end.cause, end.detail) == (Cause.PAIRING_FORGED, "Invalid account signature")
    assert session.owner.credentials is None


async def test_qr_codes_rotate_and_run_out() -> None:
    async with lab(qr_timeout=0.2) as own:
        session = await own.unpaired()
        await session.open()
        end = await session.owner.next(Disconnected)
    codes = session.owner.facts_of(QrCode)
    assert len({code.text for code in codes}) == 6
    assert codes[0].expires_in == 0.2
    assert end.cause is Cause.PAIRING_TIMEOUT
    assert end.code == 408


async def test_a_wrong_root_key_is_refused() -> None:
    async with lab(trusted="142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b") as own:
        session = await own.unpaired()
        await session.open()
        end = await session.owner.next(Disconnected)
    assert end.cause is Cause.UNTRUSTED
    assert end.code == 400
    assert end.detail == "noise intermediate certificate signature invalid"
    assert not session.owner.facts_of(QrCode)
