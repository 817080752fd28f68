"""The private services over TLS, beside what they offer without: with certificates of a CA that a test has made.

RabbitMQ, PostgreSQL and Redis learn it while they run; SeaweedFS only reads its certificates at its start, so something
that speaks TLS stands before it. Whoever uses this is marked `alone`: PostgreSQL offers TLS to everybody meanwhile.
"""

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from deploy.local.seat import HOST, free_ports
from deploy.local.services import Handle, PrivateServices
from tests.support.network.certificates import Authority
from tests.support.network.proxies import tls_before
from tests.support.services.private_services import query, unique_name
from tests.support.services.rabbitmqctl import rabbitmqctl

_TRIES: Final = 100
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """Where each service speaks TLS, and the CA to trust."""

    ca: Path
    amqp_port: int
    redis_port: int
    s3_endpoint: str

    def amqp(self, url: str, ca: Path | None = None) -> str:
        """The same broker over TLS."""
        return f"amqps://{_at(url, self.amqp_port)}?cafile={ca or self.ca}"

    def redis(self, url: str, ca: Path | None = None) -> str:
        """The same Redis over TLS."""
        return f"rediss://{_at(url, self.redis_port)}?ssl_ca_certs={ca or self.ca}"

    def database(self, url: str, ca: Path | None = None) -> str:
        """The same database over TLS, and nothing else."""
        return f"{url}?sslmode=verify-full&sslrootcert={ca or self.ca}"

    def settings(self, plain: dict[str, str]) -> dict[str, str]:
        """A worker's settings with TLS to all four."""
        return {
            **plain,
            "GATEWAY_AMQP_URL": self.amqp(plain["GATEWAY_AMQP_URL"]),
            "GATEWAY_REDIS_URL": self.redis(plain["GATEWAY_REDIS_URL"]),
            "GATEWAY_DATABASE_URL": self.database(plain["GATEWAY_DATABASE_URL"]),
            "GATEWAY_S3_ENDPOINT": self.s3_endpoint,
            "GATEWAY_S3_SECURE": "true",
            "GATEWAY_S3_CA_FILE": str(self.ca),
        }

    def in_clear(self, settings: Mapping[str, str]) -> dict[str, str]:
        """What asks for no TLS where there is nothing else."""
        return {
            **settings,
            "GATEWAY_AMQP_URL": f"amqp://{_at(settings['GATEWAY_AMQP_URL'], self.amqp_port)}".partition("?")[0],
            "GATEWAY_REDIS_URL": f"redis://{_at(settings['GATEWAY_REDIS_URL'], self.redis_port)}".partition("?")[0],
            "GATEWAY_S3_SECURE": "false",
            "GATEWAY_S3_CA_FILE": "",
        }

    def at_the_wrong_ports(self, settings: Mapping[str, str], services: PrivateServices) -> dict[str, str]:
        """What asks for TLS where there is none."""
        plain = {name: int(url.rpartition(":")[2].partition("/")[0]) for name, url in services.environment().items()
                 if name in ("GATEWAY_AMQP_URL", "GATEWAY_REDIS_URL")}  # fmt: skip
        return {
            **settings,
            "GATEWAY_AMQP_URL": f"amqps://{_at(settings['GATEWAY_AMQP_URL'], plain['GATEWAY_AMQP_URL'])}",
            "GATEWAY_REDIS_URL": f"rediss://{_at(settings['GATEWAY_REDIS_URL'], plain['GATEWAY_REDIS_URL'])}",
            "GATEWAY_S3_ENDPOINT": services.s3_endpoint,
        }


def _at(url: str, port: int) -> str:
    """What of an address follows its scheme, with another port."""
    user, _, rest = url.partition("://")[2].rpartition("@")
    path = rest.partition("/")[2]
    return f"{user}@{HOST}:{port}/{path}"


@asynccontextmanager
async def secured(services: PrivateServices, folder: Path) -> AsyncGenerator[Secured]:
    """TLS at all four while the block runs."""
    authority = Authority.make(folder)
    ports = free_ports(("amqps", "rediss"))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_postgresql(services, authority))
        await stack.enter_async_context(_redis(services, authority, ports["rediss"]))
        await _rabbitmq(services, authority, ports["amqps"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.certify(folder))
        s3_port = int(services.s3_endpoint.rpartition(":")[2])
        before_s3 = await stack.enter_async_context(tls_before(s3_port, context))
        yield Secured(
            ca=authority.certificate,
            amqp_port=ports["amqps"],
            redis_port=ports["rediss"],
            s3_endpoint=f"{HOST}:{before_s3}",
        )


def _hand_over(services: PrivateServices, service: Handle, authority: Authority) -> tuple[Path, Path, Path]:
    """Certificate, key and CA where the service's own user may read them, and nobody else."""
    owner, own = Path(f"/proc/{service.pid}").stat(), services.directory / service.name / unique_name()
    own.mkdir(mode=0o700)
    certificate, key = authority.certify(own)
    ca = Path(shutil.copy(authority.certificate, own / "ca.pem"))
    for path in (own, certificate, key, ca):
        os.chown(path, owner.st_uid, owner.st_gid)
    return certificate, key, ca


@asynccontextmanager
async def _postgresql(services: PrivateServices, authority: Authority) -> AsyncGenerator[None]:
    certificate, key, _ = _hand_over(services, services.postgresql, authority)
    wanted = {"ssl_cert_file": str(certificate), "ssl_key_file": str(key), "ssl": "on"}
    try:
        for name, value in wanted.items():
            await query(services.database_url, f"ALTER SYSTEM SET {name} = '{value}'")
        await _reloaded(services.database_url, "on")
        yield
    finally:
        for name in wanted:
            await query(services.database_url, f"ALTER SYSTEM RESET {name}")
        await _reloaded(services.database_url, "off")


async def _reloaded(url: str, wanted: str) -> None:
    await query(url, "SELECT pg_reload_conf()")
    for _ in range(_TRIES):
        if await query(url, "SHOW ssl") == wanted:
            return
        await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError(f"ssl of PostgreSQL never became {wanted}")


@asynccontextmanager
async def _redis(services: PrivateServices, authority: Authority, port: int) -> AsyncGenerator[None]:
    certificate, key, ca = _hand_over(services, services.redis, authority)
    files = {"tls-cert-file": str(certificate), "tls-key-file": str(key), "tls-ca-cert-file": str(ca)}
    client = Redis.from_url(services.redis_url)
    try:
        wanted = {**files, "tls-auth-clients": "no", "tls-port": str(port)}
        await client.execute_command("CONFIG", "SET", *(word for pair in wanted.items() for word in pair))
        yield
        await client.execute_command("CONFIG", "SET", "tls-port", "0")
    finally:
        await client.aclose()


async def _rabbitmq(services: PrivateServices, authority: Authority, port: int) -> None:
    """A listener more; it ends with the broker."""
    certificate, key, ca = _hand_over(services, services.rabbitmq, authority)
    options = f'[{{certfile, "{certificate}"}}, {{keyfile, "{key}"}}, {{cacertfile, "{ca}"}}]'
    await rabbitmqctl(
        services,
        "eval",
        f'rabbit_networking:ensure_ssl(), rabbit_networking:start_ssl_listener({{"{HOST}", {port}}}, {options}, 2).',
    )
