"""TLS to all four services with certificates of an own CA, as deploy/operate/connections.md has it."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.local.services import PrivateServices
from deploy.local.stage import Stage
from tests.e2e.conftest import a_world
from tests.support.media import picture
from tests.support.network.certificates import Authority
from tests.support.services.private_services import query
from tests.support.services.secured import secured

_CONNECTIONS = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.datname = '{}' AND {}"


async def _doctor(stage: Stage, name: str, settings: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    """Its exit code, and what it found wrong."""
    own = {**settings, "GATEWAY_HTTP_PORT": "0", "COLUMNS": "400"}
    child = await stage.launch(name, "doctor", settings=own)
    code = await child.wait()
    lines = child.program.log.read_text().splitlines()
    found = [re.split(r"\s{2,}", line[1:].strip()) for line in lines if line.startswith("✗")]
    return code, {dependency: finding for dependency, finding, *_ in found}


@pytest.mark.alone
async def test_a_worker_and_its_doctor_talk_tls_to_all_four_and_to_nobody_else(
    services: PrivateServices, migrated_template: str, tmp_path: Path
) -> None:
    one_bridge = {"GATEWAY_BRIDGES": "1"}
    async with (
        secured(services, tmp_path) as tls,
        a_world(services, migrated_template, tmp_path / "world", one_bridge, adapted=tls.settings) as world,
    ):
        ana, ben = await world.paired("Ana"), await world.phones.give("Ben")
        await world.status(await world.send(ana, ben, "sealed"), "delivered")
        image = {"base64": base64.b64encode(picture("JPEG", 64, 64)).decode(), "mimetype": "image/jpeg"}
        await world.phones.send(ben, ana.phone.number, "", content={"kind": "image", "media": image})
        await world.backend.event("media.ready.v1")
        settings = world.stage.settings
        name = settings["GATEWAY_DATABASE_URL"].partition("?")[0].rpartition("/")[2]
        assert await query(services.database_url, _CONNECTIONS.format(name, "s.ssl")) > 0
        assert await query(services.database_url, _CONNECTIONS.format(name, "NOT s.ssl")) == 0
        assert await _doctor(world.stage, "doctor-right", settings) == (0, {})

        (stranger := tmp_path / "stranger").mkdir()
        other = str(Authority.make(stranger).certificate)
        untrusted = {key: value.replace(str(tls.ca), other) for key, value in settings.items()}
        code, wrong = await _doctor(world.stage, "doctor-untrusted", untrusted)
        assert code == 1
        for dependency in ("rabbitmq", "postgresql", "redis", "s3"):
            assert "its certificate is not trusted" in wrong[dependency], wrong
        for case, crossed in (("plain", tls.in_clear(settings)), ("tls", tls.at_the_wrong_ports(settings, services))):
            code, wrong = await _doctor(world.stage, f"doctor-{case}", crossed)
            assert code == 1
            for dependency in ("rabbitmq", "redis", "s3"):
                assert "TLS" in wrong[dependency], (case, wrong)
