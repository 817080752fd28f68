"""Parts of the history at the media host: asked for until it has answered, given up when nobody will ever have them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from gateway_worker.whatsapp.baileys.phone_files import PhoneFiles, phone_file_of
from gateway_worker.whatsapp.baileys.process.trust import MediaTrust
from gateway_worker.whatsapp.downloads import Downloads, FileDamaged, FileGone, HostAway, IncomingFile
from gateway_worker.whatsapp.remote_files import KeyClass, RemoteFile

PROXY = "http://proxy.invalid:3128"
PLACE = {
    "key_class": "history",
    "direct_path": "/v/part?oh=1",
    "media_key": "01" * 32,
    "sha256": "02" * 32,
    "encrypted_sha256": None,
    "size": 4,
}


class _Part:
    async def read(self, size: int) -> bytes:
        return b"part"[:size]


class _Hosts(Downloads):
    """Raises what it is given, one after the other, and then has the file."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__(MediaTrust(None, None))
        self.asked: list[tuple[RemoteFile, str | None]] = []
        self._errors = list(errors)

    @asynccontextmanager
    async def opened(self, file: RemoteFile, *, proxy: str | None, limit: int) -> AsyncGenerator[IncomingFile]:
        assert limit
        self.asked.append((file, proxy))
        if self._errors:
            raise self._errors.pop(0)
        yield cast("IncomingFile", _Part())


async def test_a_host_that_is_away_is_asked_again_through_the_sessions_proxy() -> None:
    hosts = _Hosts(HostAway("503"))
    file = phone_file_of(PLACE)
    assert await PhoneFiles(hosts, PROXY, first_pause=0).fetch(file) == b"part"
    assert hosts.asked == [(file, PROXY)] * 2
    assert (file.key_class, file.key_class.purpose) == (KeyClass.HISTORY, b"WhatsApp History Keys")


@pytest.mark.parametrize("error", [FileGone("404"), FileDamaged("mac")])
async def test_what_nobody_will_ever_get_is_given_up(error: Exception) -> None:
    hosts = _Hosts(error)
    assert await PhoneFiles(hosts, None).fetch(phone_file_of(PLACE)) is None
    assert len(hosts.asked) == 1
