import zlib
from dataclasses import replace

import pytest

from gateway_worker.store.errors import KeyUnavailable, SnapshotInvalid, Tampered
from gateway_worker.store.postgres.encryption import Keyring
from gateway_worker.store.snapshots.format import (
    EPOCH_STEP,
    MAX_DOCUMENT,
    SEQUENCE_STEP,
    Moment,
    Snapshot,
    fingerprint,
    seal,
    unseal,
)
from tests.support.store.stores import KEY, OTHER_KEY

SNAPSHOT = Snapshot(
    user_id="user-1",
    pairing={"method": "qr"},
    options={"proxy": "socks5://me:secret@proxy:1080"},
    limits={},
    phone="+15550001111",
    jid="15550001111@s.whatsapp.net",
    lid=None,
    push_name="Anna ☺",
    message_secret=bytes(32),
    credentials=b'{"noiseKey": "private"}',
    keys={("lid-mapping", "15550001111"): b"\x0399", ("app-state-sync-key", "AAA="): bytes(range(256))},
)
MOMENT = Moment(session_id="anna", epoch=3, sequence=12)
LATER = Moment(session_id="anna", epoch=4, sequence=5_000)
KEYRING = Keyring([KEY])


def sealed() -> bytes:
    return seal(SNAPSHOT, MOMENT, KEYRING)


def test_what_was_sealed_is_read_again() -> None:
    assert unseal(sealed(), MOMENT, KEYRING) == SNAPSHOT


def test_each_has_a_key_of_its_own() -> None:
    one, two = sealed(), sealed()
    header, wrapped = 9, 93
    assert one[:header] == two[:header]
    assert one[header:][:wrapped] != two[header:][:wrapped]
    assert one[header + wrapped :] != two[header + wrapped :]


def test_no_secret_can_be_seen() -> None:
    body = sealed()
    assert not any(word in body for word in (b"private", b"15550001111", b"secret", b"Anna"))


def test_the_first_key_seals_and_all_unseal() -> None:
    rotated = Keyring([OTHER_KEY, KEY])
    assert unseal(sealed(), MOMENT, rotated) == SNAPSHOT
    with pytest.raises(KeyUnavailable, match="GATEWAY_ENCRYPTION_KEYS"):
        unseal(seal(SNAPSHOT, MOMENT, rotated), MOMENT, KEYRING)


def test_any_bit_that_was_changed_is_noticed() -> None:
    body = sealed()
    for position in range(len(body)):
        changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
        with pytest.raises((SnapshotInvalid, KeyUnavailable, Tampered)):
            unseal(changed, MOMENT, KEYRING)


@pytest.mark.parametrize("length", [0, 1, 8, 9, 50, 93, 94, 120])
def test_one_that_was_cut_off_is_noticed(length: int) -> None:
    with pytest.raises((SnapshotInvalid, Tampered)):
        unseal(sealed()[:length], MOMENT, KEYRING)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Moment(session_id="bert", epoch=3, sequence=12),
        Moment(session_id="anna", epoch=4, sequence=12),
        Moment(session_id="anna", epoch=3, sequence=13),
    ],
)
def test_it_is_good_for_its_session_and_moment_only(elsewhere: Moment) -> None:
    with pytest.raises(Tampered):
        unseal(sealed(), elsewhere, KEYRING)


def test_a_newer_format_is_named() -> None:
    body = sealed()
    with pytest.raises(SnapshotInvalid, match="format 2, this program reads 1: update"):
        unseal(body[:6] + b"\x02" + body[7:], MOMENT, KEYRING)


def test_what_is_too_large_is_not_sealed() -> None:
    huge = replace(SNAPSHOT, credentials=bytes(MAX_DOCUMENT))
    with pytest.raises(SnapshotInvalid, match="too large"):
        seal(huge, MOMENT, KEYRING)


def test_the_fingerprint_follows_the_identity_and_the_key_that_seals() -> None:
    same = fingerprint(SNAPSHOT, MOMENT, KEYRING, b"mark")
    assert fingerprint(replace(SNAPSHOT), LATER, KEYRING, b"mark") == same

    others = [
        fingerprint(SNAPSHOT, MOMENT, KEYRING, b"another"),
        fingerprint(SNAPSHOT, MOMENT, Keyring([OTHER_KEY, KEY]), b"mark"),
        fingerprint(replace(SNAPSHOT, push_name="Ann"), MOMENT, KEYRING, b"mark"),
        fingerprint(replace(SNAPSHOT, limits={"messagesPerDay": 5}), MOMENT, KEYRING, b"mark"),
        fingerprint(replace(SNAPSHOT, keys={}), MOMENT, KEYRING, b"mark"),
        fingerprint(SNAPSHOT, Moment(session_id="anna", epoch=3, sequence=SEQUENCE_STEP // 5), KEYRING, b"mark"),
    ]
    assert len({same, *others}) == len(others) + 1


def test_what_goes_on_is_beyond_whatever_may_have_been_told_since() -> None:
    for sequence in (0, 12, SEQUENCE_STEP - 1, SEQUENCE_STEP, 5 * SEQUENCE_STEP + 7):
        resumed = Moment(session_id="anna", epoch=7, sequence=sequence).resumed()
        assert resumed.sequence - sequence > SEQUENCE_STEP
        assert resumed.sequence % SEQUENCE_STEP == 0
        assert resumed.epoch == 2 * EPOCH_STEP


def test_compression_does_not_hide_a_bomb() -> None:
    assert len(zlib.compress(bytes(MAX_DOCUMENT))) < MAX_DOCUMENT // 500  # so much may lie in a small object
    repetitive = replace(SNAPSHOT, credentials=bytes(MAX_DOCUMENT // 2))
    body = seal(repetitive, MOMENT, KEYRING)
    assert len(body) < 1_000_000
    assert unseal(body, MOMENT, KEYRING) == repetitive
