"""What a bridge may do on this machine: whatever takes it over gets at no file but its own and those on their way."""

from pathlib import Path

import pytest

from gateway_worker.whatsapp.errors import UploadFailed
from gateway_worker.whatsapp.files import FileClass
from tests.support.whatsapp.engine import lab, say


async def test_a_bridge_reads_the_spool_and_no_other_file(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    async with lab(spool=spool) as own:
        session, connection = await own.connected()
        bob = await own.phones.give("Bob")
        await say(connection, bob, "pairs and sends")
        assert (await own.phones.inbox(bob, 1))[0]["content"]["text"] == "pairs and sends"

        spool.mkdir()
        (spool / "file").write_bytes(b"to be sent")
        assert (await connection.upload(spool / "file", FileClass.DOCUMENT)).size == len(b"to be sent")

        outside = tmp_path / ".env"
        outside.write_bytes(b"to be kept")
        for path in (outside, spool / ".." / ".env"):
            with pytest.raises(UploadFailed):
                await connection.upload(path, FileClass.DOCUMENT)
        assert not (tmp_path / ".env.enc").exists()
        assert session.owner.credentials
        await connection.close()
