"""What doctor finds, with users of least privilege and of less, at each of the four services."""

import base64
import secrets
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from deploy.local.services import PrivateServices
from gateway_worker.cli.doctor.doctor import EXAMINATIONS, examine
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import DatabasePooled
from gateway_worker.store.store import Store
from gateway_worker.timing.clock import SystemClock
from tests.support.services.pgbouncer import PROGRAM, a_pooler
from tests.support.services.private_services import query
from tests.support.services.rabbitmqctl import rabbitmqctl

HIDDEN = "hidden" + secrets.token_hex(4)


class Doctor:
    """Looks with settings that differ from those of a sound worker."""

    def __init__(self, settings: Settings, printed: pytest.CaptureFixture[str]) -> None:
        self.settings = settings
        self._printed = printed

    async def says(self, *names: str, **other: Any) -> tuple[int, str]:
        """Exit code and lines of the examinations of these names (all but WhatsApp's, if none is given)."""
        chosen = [each for each in EXAMINATIONS if each.name in (names or {each.name}) and each.name != "whatsapp"]
        settings = Settings(**{**self.settings.model_dump(), **other, "_env_file": None})
        code = await examine(settings, chosen)
        text = self._printed.readouterr().out
        assert HIDDEN not in text
        assert "Traceback" not in text
        return code, text


@pytest.fixture
def doctor(
    gateway_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Doctor:
    own = {"GATEWAY_HTTP_PORT": "0", "GATEWAY_MEDIA_SPOOL": str(tmp_path), "GATEWAY_MEDIA_SPOOL_MB": "1"}
    for name, value in {**gateway_environment, **own}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GATEWAY_ENCRYPTION_KEYS", base64.b64encode(bytes(32)).decode())
    return Doctor(Settings(), capsys)


def with_user(url: str, user: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}:{HIDDEN}@{rest.rpartition('@')[2]}"


async def test_a_sound_place_is_told_so_twice(doctor: Doctor) -> None:
    for _ in range(2):  # the first makes the buckets
        code, text = await doctor.says()
        assert "✗" not in text, text
        assert code == 0


@pytest.fixture
async def role(doctor: Doctor) -> AsyncGenerator[str]:
    """A role of PostgreSQL that may do nothing."""
    url, name = str(doctor.settings.database_url), f"r{secrets.token_hex(4)}"
    await query(url, f"CREATE ROLE {name} LOGIN PASSWORD '{HIDDEN}'")
    yield name
    await query(url, f"DROP OWNED BY {name}")
    await query(url, f"DROP ROLE {name}")


async def test_what_a_role_of_postgresql_lacks_is_named(doctor: Doctor, role: str) -> None:
    url = str(doctor.settings.database_url)
    limited = {"database_url": with_user(url, role)}
    code, text = await doctor.says("postgresql", "postgresql rights", **limited)
    assert code == 1
    assert f"the role {role} lacks CREATE on schema public" in text
    assert "SELECT, INSERT, UPDATE, DELETE on sessions" in text
    assert "the ownership of outbox" in text
    with pytest.raises(Exception, match=f"the role {role} lacks"):
        await started(limited["database_url"])
    await query(url, f"GRANT {await query(url, 'SELECT current_user')} TO {role}")
    assert (await doctor.says("postgresql rights", **limited))[0] == 0
    code, text = await doctor.says("postgresql", database_url=with_user(url, "nobody"))
    assert code == 1
    assert 'password authentication failed for user "nobody"' in text
    _, text = await doctor.says("postgresql rights", database_url=f"{url}?default_transaction_read_only=on")
    assert "takes no writes" in text


async def started(url: str, direct_url: str | None = None) -> None:
    store = Store(url, direct_url=direct_url, encryption_keys=[bytes(32)], clock=SystemClock())
    await store.start()
    await store.stop()


async def test_what_a_user_of_redis_lacks_is_named_and_info_is_not_wanted(doctor: Doctor) -> None:
    url, namespace = doctor.settings.redis_url, doctor.settings.namespace
    user = f"u{secrets.token_hex(4)}"
    documented = ["-@all", "+@connection", "+get", "+set", "+del", "+hset", "+expire", "+eval", "+multi", "+exec"]
    async with Redis.from_url(url) as admin:
        rules = [f">{HIDDEN}", "resetkeys", f"~{namespace}:*", "resetchannels", *documented]
        await admin.execute_command("ACL", "SETUSER", user, "on", *rules)
        try:
            assert (await doctor.says("redis", redis_url=with_user(url, user)))[0] == 0
            await admin.execute_command("ACL", "SETUSER", user, "-eval")
            code, text = await doctor.says("redis", redis_url=with_user(url, user))
        finally:
            await admin.execute_command("ACL", "DELUSER", user)
    assert code == 1
    assert f"does not let the user '{user}' do what it must" in text
    assert "eval" in text
    _, text = await doctor.says("redis", redis_url=with_user(url, user))
    assert "refuses the user" in text
    _, text = await doctor.says("redis", redis_url=f"{url.rpartition('/')[0]}/99999")
    assert "has no database of that number" in text


async def test_what_a_user_of_rabbitmq_may_not_is_named(doctor: Doctor, services: PrivateServices) -> None:
    url, user = doctor.settings.amqp_url, f"u{secrets.token_hex(4)}"
    await rabbitmqctl(services, "add_user", user, HIDDEN)
    try:
        limited = {"amqp_url": with_user(url, user)}
        code, text = await doctor.says("rabbitmq", **limited)
        assert code == 1
        assert f"the virtual host '/' does not exist, or the user '{user}' may not use it" in text
        await rabbitmqctl(services, "set_permissions", user, "^$", ".*", ".*")
        code, text = await doctor.says("rabbitmq", "rabbitmq rights", **limited)
        assert code == 1
        assert "ACCESS_REFUSED" in text
        assert "topology --definitions" in text
        own = rf"^{doctor.settings.namespace}\..*$"
        await rabbitmqctl(services, "set_permissions", user, own, f"{own}|^amq.default$", own)
        code, text = await doctor.says("rabbitmq rights", **limited)
        assert code == 0, text
    finally:
        await rabbitmqctl(services, "delete_user", user)
    _, text = await doctor.says("rabbitmq", **limited)
    assert f"it refuses the user '{user}' or the password" in text


async def test_what_a_key_of_s3_may_not_is_named(doctor: Doctor, services: PrivateServices) -> None:
    assert (await doctor.says("s3"))[0] == 0
    code, text = await doctor.says("s3", s3_access_key=services.s3_reader_key)
    assert code == 1
    assert f"does not allow PutObject in {doctor.settings.sessions_bucket} (AccessDenied)" in text
    _, text = await doctor.says("s3", s3_access_key=services.s3_reader_key, media_bucket="not-there-yet")
    assert "does not allow CreateBucket in not-there-yet" in text
    _, text = await doctor.says("s3", s3_access_key="nobody")
    assert "does not know the access key (InvalidAccessKeyId): see GATEWAY_S3_ACCESS_KEY" in text
    _, text = await doctor.says("s3", s3_secret_key=HIDDEN)
    assert "finds the secret key wrong (SignatureDoesNotMatch): see GATEWAY_S3_SECRET_KEY" in text


@pytest.fixture
def folder() -> Generator[Path]:
    """Where PgBouncer, which refuses to run as root, may read."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.skipif(PROGRAM is None, reason="apt-get install pgbouncer")
async def test_a_pooler_that_forgets_prepared_statements_is_refused_by_both(doctor: Doctor, folder: Path) -> None:
    direct = str(doctor.settings.database_url)
    async with a_pooler(direct, folder, mode="transaction", statements=0) as pooled:
        code, text = await doctor.says("database lock", database_url=pooled, database_direct_url=direct)
        assert code == 1
        assert "PgBouncer 1.21 or newer with max_prepared_statements above 0 is needed" in text
        with pytest.raises(DatabasePooled, match=r"PgBouncer 1\.21 or newer"):
            await started(pooled, direct)
