"""``gateway-worker session restore``: what it does, and what it says when it cannot."""

import base64
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.cli.restore import restore
from gateway_worker.objects.buckets import Buckets
from gateway_worker.objects.snapshots import SnapshotMoment, SnapshotObjects
from gateway_worker.settings.settings import Settings
from gateway_worker.store.postgres.encryption import Keyring
from gateway_worker.store.snapshots.format import Moment, Snapshot, seal
from schemas.names import SessionId
from tests.support.services.private_services import query
from tests.support.services.s3 import s3_client
from tests.support.store.stores import KEY, OTHER_KEY
from tests.support.terminal import typed

ANA = SessionId("ana")
MOMENT = SnapshotMoment(3, 12)
SNAPSHOT = Snapshot(
    user_id="user-1",
    pairing={"method": "qr"},
    options={},
    limits={},
    phone="+15550001111",
    jid="15550001111@s.whatsapp.net",
    lid=None,
    push_name="Ana",
    message_secret=bytes(32),
    credentials=b'{"nextPreKeyId": 813}',
    keys={("lid-mapping", "15550001111"): b"\x0399"},
)


@pytest.fixture
def settings(gateway_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in gateway_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GATEWAY_ENCRYPTION_KEYS", base64.b64encode(KEY).decode())
    return Settings()


@pytest.fixture
async def bucket(services: PrivateServices, settings: Settings) -> AsyncGenerator[SnapshotObjects]:
    async with s3_client(services) as client:
        await Buckets(client, (settings.sessions_bucket,)).ensure()
        yield SnapshotObjects(client, settings.sessions_bucket)


def sealed(snapshot: Snapshot = SNAPSHOT) -> bytes:
    return seal(snapshot, Moment(session_id=ANA, epoch=MOMENT.epoch, sequence=MOMENT.sequence), Keyring([KEY]))


async def rows(settings: Settings) -> int:
    return await query(str(settings.database_url), "SELECT count(*) FROM sessions")


async def said(settings: Settings, capsys: pytest.CaptureFixture[str], *, force: bool = False) -> tuple[int, str]:
    code = await restore(settings, ANA, force=force)
    printed = capsys.readouterr()
    return code, " ".join((printed.out + printed.err).split())


async def test_a_snapshot_is_restored_once(
    settings: Settings, bucket: SnapshotObjects, capsys: pytest.CaptureFixture[str]
) -> None:
    await bucket.put(ANA, MOMENT, sealed())

    code, text = await said(settings, capsys)
    assert (code, await rows(settings)) == (0, 1)
    assert "sequence 2000000001" in text

    code, text = await said(settings, capsys)
    assert code == 1
    assert "has an identity" in text
    assert "--force" in text
    code, text = await said(settings, capsys, force=True)
    assert (code, await rows(settings)) == (0, 1)
    assert "sequence 2000000002" in text


async def test_each_reason_why_not_says_what_to_do(
    settings: Settings, bucket: SnapshotObjects, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = await said(settings, capsys)
    assert code == 1
    assert text.startswith(f"There is no snapshot of ana in {settings.sessions_bucket}")
    assert text.endswith("Pair it with session.create.")
    await bucket.put(ANA, MOMENT, sealed())

    def but(**changes: Any) -> Settings:
        return settings.model_copy(update=changes)

    encoded = [base64.b64encode(OTHER_KEY).decode()]
    other_key = Settings(encryption_keys=encoded)  # pyright: ignore[reportArgumentType] -- read as text, as from the environment
    for wrong, expected, hint in (
        (but(encryption_keys=()), 2, "GATEWAY_ENCRYPTION_KEYS is not set"),
        (other_key, 1, "is not among GATEWAY_ENCRYPTION_KEYS: add it"),
        (but(s3_endpoint="127.0.0.1:9"), 1, "gateway-worker doctor"),
        (but(sessions_bucket="no-such-bucket-here"), 1, "has no bucket no-such-bucket-here"),
        (but(database_url="postgresql://postgres@127.0.0.1:9/gateway"), 1, "gateway-worker doctor"),
        (but(database_url=database_url), 1, "run gateway-worker migrate"),
    ):
        code, text = await said(wrong, capsys)
        assert (code, hint in text) == (expected, True), text
    assert await rows(settings) == 0


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (sealed()[:-1] + b"\0", "does not authenticate"),
        (b"<html>not a snapshot</html>", "is not a snapshot"),
        (sealed()[:6] + b"\x09" + sealed()[7:], "update the program"),
        (sealed(replace(SNAPSHOT, credentials=b"{}x")), "cannot be used"),
        (sealed(replace(SNAPSHOT, credentials=b'{"nextPreKeyId": 16777215}')), "pair the session again"),
    ],
)
async def test_an_object_that_is_no_good_is_named_so_and_writes_nothing(
    settings: Settings, bucket: SnapshotObjects, capsys: pytest.CaptureFixture[str], body: bytes, hint: str
) -> None:
    await bucket.put(ANA, MOMENT, body)

    code, text = await said(settings, capsys)

    assert (code, await rows(settings)) == (1, 0)
    assert hint in text


async def test_an_older_snapshot_under_a_newer_name_is_refused(
    settings: Settings, bucket: SnapshotObjects, capsys: pytest.CaptureFixture[str]
) -> None:
    await bucket.put(ANA, SnapshotMoment(9, 99), sealed())
    code, text = await said(settings, capsys)
    assert code == 1
    assert "does not authenticate" in text


async def test_what_is_no_session_id_is_not_looked_for(tmp_path: Path) -> None:
    done = await typed(tmp_path, {}, "session", "restore", "../ana")
    assert done.code == 2
    assert "is not a session id" in done.error
