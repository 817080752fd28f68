import base64
import hashlib

import pytest

from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.errors import PairingError, PayloadError
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import (
    ADVSignedDeviceIdentity,
    ADVSignedDeviceIdentityHMAC,
    ADVSignedKeyIndexList,
    ClientPayload,
    DeviceProps,
)
from gateway_worker.simulator.wire.linking import link_code
from gateway_worker.simulator.wire.linking.pairing import (
    DeviceOffer,
    QrCode,
    accept_offer,
    check_answer,
    check_identity,
    device_hash,
    key_index_list,
    offer_device,
    parse_qr,
    prekey_digest,
    qr_text,
)
from gateway_worker.simulator.wire.payload import Login, Registration, parse_payload
from tests.support.whatsapp.baileys_peer import Peer

ACCOUNT, COMPANION = KeyPair.generate(), KeyPair.generate()
SECRET = bytes(range(32))
QR = QrCode(ref="2@abc", noise_key=b"n" * 32, identity=b"i" * 32, adv_secret=SECRET, platform="1")


def offer() -> DeviceOffer:
    return offer_device(
        ACCOUNT, companion_identity=COMPANION.public, adv_secret=SECRET, raw_id=77, key_index=3, timestamp=1_700_000_000
    )


# --- QR


def test_a_qr_code_is_read_with_and_without_its_link() -> None:
    text = qr_text(QR)
    assert parse_qr(text) == QR
    assert parse_qr(text.partition("#")[2]) == QR
    assert parse_qr(text.rpartition(",")[0]).platform is None


def test_the_qr_code_of_baileys_is_read(peer: Peer) -> None:
    text = peer("qr", ref=QR.ref, noise=QR.noise_key, identity=QR.identity, secret=QR.adv_secret)
    assert parse_qr(text) == QR


@pytest.mark.parametrize(
    "text", ["", "2@abc", "2@abc,a,b,c", qr_text(QR) + ",more", qr_text(QR).replace("2@abc", ""), "x" * 2000, ",,,,"]
)
def test_another_text_is_no_qr_code(text: str) -> None:
    with pytest.raises(PairingError):
        parse_qr(text)


# --- device identity


def test_a_device_is_paired() -> None:
    made = offer()
    accepted = accept_offer(made.content, identity=COMPANION, adv_secret=SECRET)
    assert (accepted.key_index, accepted.account_public) == (3, ACCOUNT.public)
    assert check_answer(made, accepted.answer) == accepted.identity
    assert check_identity(accepted.identity, companion_identity=COMPANION.public) == ACCOUNT.public


def test_baileys_accepts_our_offer_and_we_its_answer(peer: Peer) -> None:
    made = offer()
    answer = peer(
        "pair",
        content=made.content,
        secret=SECRET,
        identityPrivate=COMPANION.private,
        identityPublic=COMPANION.public,
    )
    assert answer["keyIndex"] == "3"
    assert check_answer(made, bytes.fromhex(answer["answer"])).hex() == answer["identity"]


def test_an_answer_may_repeat_the_account_key_but_no_other() -> None:
    made = offer()
    accepted = accept_offer(made.content, identity=COMPANION, adv_secret=SECRET)
    assert check_answer(made, accepted.identity) == accepted.identity
    other = ADVSignedDeviceIdentity.FromString(accepted.identity)
    other.accountSignatureKey = COMPANION.public
    with pytest.raises(PairingError):
        check_answer(made, other.SerializeToString())


@pytest.mark.parametrize("field", ["details", "accountSignature", "deviceSignature"])
def test_an_altered_answer_is_refused(field: str) -> None:
    made = offer()
    answer = ADVSignedDeviceIdentity.FromString(
        accept_offer(made.content, identity=COMPANION, adv_secret=SECRET).answer
    )
    value = getattr(answer, field)
    setattr(answer, field, value[:-1] + bytes([value[-1] ^ 1]))
    with pytest.raises(PairingError):
        check_answer(made, answer.SerializeToString())


def test_an_answer_that_is_no_protobuf_is_refused() -> None:
    with pytest.raises(PairingError):
        check_answer(offer(), b"\xff")


def test_a_companion_refuses_an_offer_that_does_not_prove_itself() -> None:
    content = offer().content
    with pytest.raises(PairingError):
        accept_offer(content, identity=COMPANION, adv_secret=bytes(32))
    with pytest.raises(PairingError):
        accept_offer(content, identity=KeyPair.generate(), adv_secret=SECRET)
    with pytest.raises(PairingError):
        accept_offer(b"\xff", identity=COMPANION, adv_secret=SECRET)
    sealed = ADVSignedDeviceIdentityHMAC.FromString(content)
    sealed.hmac = sealed.hmac[:-1] + b"\0"
    with pytest.raises(PairingError):
        accept_offer(sealed.SerializeToString(), identity=COMPANION, adv_secret=SECRET)


def test_an_identity_of_another_companion_is_refused() -> None:
    identity = accept_offer(offer().content, identity=COMPANION, adv_secret=SECRET).identity
    with pytest.raises(PairingError):
        check_identity(identity, companion_identity=ACCOUNT.public)


# --- lists and hashes


def test_a_key_index_list_is_signed_by_the_account() -> None:
    content = key_index_list(ACCOUNT, raw_id=7, timestamp=1, current_index=2, valid_indexes=[1, 2])
    signed = ADVSignedKeyIndexList.FromString(content)
    assert signed.accountSignature
    assert b"\x22\x02\x01\x02" in signed.details


def test_the_device_hash_does_not_depend_on_order() -> None:
    devices = [("123", 0, "s.whatsapp.net"), ("123", 2, "s.whatsapp.net")]
    digest = hashlib.sha256(b"123.0:0@s.whatsapp.net123.0:2@s.whatsapp.net").digest()[:6]
    assert (
        device_hash(devices) == device_hash(reversed(devices)) == "2:" + base64.b64encode(digest).decode().rstrip("=")
    )
    assert device_hash([]) == "2:47DEQpj8"  # a token of the protocol: the hash of no devices


def test_the_prekey_digest_covers_everything_in_order() -> None:
    digest = prekey_digest(identity=b"i", signed_prekey=b"s", signature=b"g", prekeys=[b"1", b"2"])
    assert digest == hashlib.sha1(b"isg12").digest()


# --- pairing by code


def test_both_sides_of_a_code_derive_the_same_secret(peer: Peer) -> None:
    companion_ephemeral, account_ephemeral = KeyPair.generate(), KeyPair.generate()
    salt, iv = b"s" * 32, b"v" * 16
    wrapped = link_code.wrap_ephemeral(companion_ephemeral.public, code="ABCD1234", salt=salt, iv=iv)
    assert wrapped.hex() == peer("wrap", code="ABCD1234", public=companion_ephemeral.public, salt=salt, iv=iv)
    assert link_code.unwrap_ephemeral(wrapped, code="ABCD1234") == companion_ephemeral.public
    bundle, secret = link_code.seal_bundle(
        identity=COMPANION,
        ephemeral=companion_ephemeral,
        account_public=ACCOUNT.public,
        account_ephemeral=account_ephemeral.public,
        random=b"r" * 32,
        salt=b"t" * 32,
        iv=b"w" * 12,
    )
    opened = link_code.open_bundle(
        bundle,
        account=ACCOUNT,
        ephemeral=account_ephemeral,
        companion_ephemeral=companion_ephemeral.public,
        companion_identity=COMPANION.public,
    )
    assert opened.adv_secret == secret
    assert opened.companion_identity == COMPANION.public


def test_a_wrong_code_or_another_identity_does_not_open_the_bundle() -> None:
    ephemeral, account_ephemeral = KeyPair.generate(), KeyPair.generate()
    bundle, _ = link_code.seal_bundle(
        identity=COMPANION,
        ephemeral=ephemeral,
        account_public=ACCOUNT.public,
        account_ephemeral=account_ephemeral.public,
        random=b"r" * 32,
        salt=b"t" * 32,
        iv=b"w" * 12,
    )
    wrapped = link_code.wrap_ephemeral(ephemeral.public, code="ABCD1234", salt=b"s" * 32, iv=b"v" * 16)
    wrong = link_code.unwrap_ephemeral(wrapped, code="ABCD1235")
    for companion_ephemeral, identity, content in (
        (wrong, COMPANION.public, bundle),
        (ephemeral.public, ACCOUNT.public, bundle),
        (ephemeral.public, COMPANION.public, bundle[:20]),
        (bytes(32), COMPANION.public, bundle),
    ):
        with pytest.raises(PairingError):
            link_code.open_bundle(
                content,
                account=ACCOUNT,
                ephemeral=account_ephemeral,
                companion_ephemeral=companion_ephemeral,
                companion_identity=identity,
            )
    with pytest.raises(PairingError):
        link_code.unwrap_ephemeral(wrapped[:-1], code="ABCD1234")


# --- client payload


def test_the_registration_of_baileys_is_read(peer: Peer) -> None:
    sent = peer("registration")
    payload = parse_payload(bytes.fromhex(sent["payload"]))
    assert isinstance(payload, Registration)
    assert payload.identity.hex() == sent["identity"]
    assert payload.device_props.platformType == DeviceProps.CHROME
    assert payload.app_version == (2, 3000, 1)
    assert payload.signed_prekey.signed_by(payload.identity)


def test_the_login_of_baileys_is_read(peer: Peer) -> None:
    login = parse_payload(bytes.fromhex(peer("login")))
    assert isinstance(login, Login)
    assert (login.username, login.device, login.passive) == ("49170123", 12, True)


def test_a_wrong_registration_is_refused(peer: Peer) -> None:
    content = bytes.fromhex(peer("registration")["payload"])
    for field, value in {
        "eSkeySig": bytes(64),
        "eIdent": b"short",
        "eKeytype": b"\x06",
        "eRegid": b"",
        "deviceProps": b"\xff",
    }.items():
        payload = ClientPayload.FromString(content)
        setattr(payload.devicePairingData, field, value)
        with pytest.raises(PayloadError):
            parse_payload(payload.SerializeToString())


@pytest.mark.parametrize("payload", [b"", b"\xff", ClientPayload(username=1).SerializeToString()])
def test_another_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError):
        parse_payload(payload)
