"""A worker that was told only the simulator's address and root key trusts its media host; nobody else gains by it."""

import ssl

import aiohttp
import pytest

from gateway_worker.simulator.run import new_simulator
from gateway_worker.whatsapp.baileys.process.trust import MediaTrust


async def _status(url: str, context: ssl.SSLContext) -> int:
    async with aiohttp.ClientSession() as session, session.get(url, ssl=context) as answer:
        return answer.status


async def test_the_media_host_of_the_simulator_is_trusted_with_its_root_key_alone() -> None:
    async with new_simulator() as simulator, aiohttp.ClientSession(simulator.url) as http:
        async with http.get("/root-key") as answer:
            media_url: str = (await answer.json())["mediaUrl"]
        trust = MediaTrust(simulator.ws_url, simulator.root_key.upper())
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await _status(f"{media_url}/v/none", trust.context())
        assert await trust.refresh() is True
        assert await _status(f"{media_url}/v/none", trust.context()) == 404
        assert await trust.refresh() is False, "nothing is new"


async def test_who_has_another_root_key_is_not_believed() -> None:
    async with new_simulator() as simulator:
        trust = MediaTrust(simulator.ws_url, "00" * 32)
        assert await trust.refresh() is False
        assert trust.certificate is None


async def test_a_host_that_does_not_answer_changes_nothing() -> None:
    trust = MediaTrust("ws://127.0.0.1:1/ws/chat", "00" * 32)
    assert await trust.refresh() is False
    assert trust.certificate is None


@pytest.mark.parametrize(("url", "root_key"), [(None, "00" * 32), ("ws://127.0.0.1:1/ws/chat", None)])
async def test_nobody_is_asked_about_whatsapp_itself(url: str | None, root_key: str | None) -> None:
    assert await MediaTrust(url, root_key).refresh() is False
