import base64
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.local.services import ROOT
from gateway_worker.settings.settings import Settings
from schemas.topology.addresses import amqp_nodes

KEY = base64.b64encode(bytes(32)).decode()
OTHER = base64.b64encode(bytes(range(32))).decode()


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    return Settings(_env_file=None)  # pyright: ignore[reportCallIssue] (pydantic-settings' own argument)


def test_the_first_encryption_key_encrypts_and_all_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(monkeypatch, ENCRYPTION_KEYS=f"{KEY}, {OTHER}")

    assert made.raw_encryption_keys == (bytes(32), bytes(range(32)))


@pytest.mark.parametrize("wrong", ["short", base64.b64encode(b"short").decode(), f"{KEY},nonsense!"])
def test_a_wrong_encryption_key_is_refused_with_a_remedy_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(monkeypatch, ENCRYPTION_KEYS=wrong)

    assert "openssl rand -base64 32" in str(refused.value)
    assert wrong not in str(refused.value)


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(monkeypatch, ENCRYPTION_KEYS=KEY, S3_SECRET_KEY="do-not-tell")

    assert KEY not in repr(made)
    assert "do-not-tell" not in repr(made)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "gateway.backend"),
        ({"NAMESPACE": "blue"}, "blue.backend"),
        ({"BACKEND_QUEUE": "orders"}, "orders"),
        ({"BACKEND_QUEUE": ""}, None),
    ],
)
def test_the_default_event_queue_follows_the_namespace(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str | None
) -> None:
    assert settings(monkeypatch, **environment).backend_queue_name == expected


@pytest.mark.parametrize(("name", "value"), [("WORKER_ID", "no spaces"), ("MAX_SESSIONS", "0"), ("HTTP_PORT", "70000")])
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        settings(monkeypatch, **{name: value})


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("MAX_SESSION", "3", "did you mean GATEWAY_MAX_SESSIONS?"),
        ("PORT", "8002", "did you mean GATEWAY_HTTP_PORT?"),
        (
            "S3_ENDPOINT",
            "http://minio:9000",
            "write host:port without a scheme, e.g. minio:9000, and GATEWAY_S3_SECURE",
        ),
        ("S3_ENDPOINT", "minio:9000/bucket", "without a path"),
        ("S3_ENDPOINT", "", "no host"),
        ("DATABASE_URL", "postgresql+asyncpg://u:hidden@h/d", "without +asyncpg"),
        ("DATABASE_URL", "mysql://u:hidden@h/d", "write postgresql://"),
        ("REDIS_URL", "http://:hidden@h", "write redis://"),
        ("REDIS_URL", "redis://:hidden@h/first", "number of a database"),
        ("AMQP_URL", "https://u:hidden@h", "write amqp://"),
        ("AMQP_URL", "amqp://u:hidden@h:70000/", "1 to 65535"),
        ("AMQP_URL", "amqp://u:hidden@a,a/", "twice"),
        ("AMQP_URL", "amqps://u:hidden@a/?cafile=/no/such/file", "/no/such/file, which is not there"),
        ("SESSIONS_BUCKET", "whatsapp-media", "must be two buckets"),
        ("MEDIA_BUCKET", "Not_A_Bucket", "3 to 63"),
        ("BACKEND_QUEUE", "gateway.control", "events need one of their own"),
        ("BACKEND_QUEUE", "amq.queue", "belong to RabbitMQ"),
        ("ENCRYPTION_KEYS", f"{KEY},{KEY}", "twice"),
        ("WHATSAPP_URL", "ws://127.0.0.1:1/", "GATEWAY_WHATSAPP_ROOT_KEY"),
        ("AMQP_URL", "amqps://u:hidden@a/?cafile=/", "no file that can be read"),
        ("DATABASE_URL", "postgresql://u:hidden@h:0/d", "1 to 65535"),
        ("DATABASE_URL", "postgresql://u:hidden@h/d?sslmode=always", "verify-full"),
        ("DATABASE_URL", "postgresql://u:hidden@h/d?sslrootcert=/no/such/file", "/no/such/file, which is not there"),
        ("DATABASE_DIRECT_URL", "http://u:hidden@h", "write postgresql://"),
        ("REDIS_URL", "redis://:hidden@h:first/0", "1 to 65535"),
        ("REDIS_URL", "redis://:hidden@h/0?nonsense=1", "?nonsense is no option"),
        ("REDIS_URL", "redis://:hidden@h/0?ssl_ca_certs=/ca.pem", "goes with rediss:// only"),
        ("REDIS_URL", "rediss://:hidden@h/0?ssl_ca_certs=/no/such/file", "/no/such/file, which is not there"),
        ("REDIS_URL", "redis://:hidden@h/0?protocol=9", "?protocol has a value"),
        ("REDIS_URL", "unix://run/redis.sock", "the whole path"),
        ("S3_SECRET_KEY", "hidden\nhidden", "a line break"),
        ("MEDIA_BUCKET", "192.0.2.1", "no IP address"),
        ("BACKEND_QUEUE", "gateway.session.s1", "events need one of their own"),
        ("BACKEND_QUEUE", "gateway.marks", "events need one of their own"),
        ("BACKEND_QUEUE", "\u00e9" * 200, "255 bytes"),
        ("HTTP_HOST", " ", "0.0.0.0 for everybody"),
        ("HTTP_HOST", "127.0.0.1:80", "the port has a setting of its own"),
        ("HTTP_HOST", "[::1]", "without brackets"),
        ("HTTP_HOST", "x" * 64, "cannot be a host's name"),
        ("CONSOLE_HOST", "http://127.0.0.1", "port must be"),
        ("CONSOLE_HOST", "a..b", "cannot be a host's name"),
        ("AMQP_URL", "amqp://u:hidden@a..b/", "cannot be a host's name"),
        ("AMQP_URL", "amqp://u:hidden@a/?heartbeat=soon", "?heartbeat has a value"),
        ("AMQP_URL", "amqps://u:hidden@a/?cacertfile=/ca.pem", "there are cafile, capath"),
        ("DATABASE_URL", "postgresql://u:hidden@h/d?target_session_attrs=standby", "any, primary, read-write"),
        ("DATABASE_URL", f"postgresql://u:hidden@{'h' * 64}.example/d", "cannot be a host's name"),
        ("REDIS_URL", "redis://:hidden@a..b/0", "cannot be a host's name"),
        ("S3_ENDPOINT", "s3..example:9000", "cannot be a host's name"),
        ("S3_CA_FILE", "c" * 5_000, "which is not there"),
        ("MEDIA_SPOOL", "", "the path of a folder"),
        ("MEDIA_SPOOL", "~/spool", "nobody reads ~"),
        ("MAX_SESSIONS", "nan", "integer"),
        ("MEDIA_SPOOL_MB", "1e9", "integer"),
        ("LOG_LEVEL", "loud", "'debug', 'info'"),
        ("MESSAGE_RETENTION_DAYS", "-1", "greater than"),
    ],
)
def test_what_cannot_work_is_told_by_the_settings_name_and_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, seen: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(monkeypatch, **{name: value})

    (error,) = refused.value.errors()
    line = " ".join([*map(str, error["loc"]), error["msg"]])
    assert f"GATEWAY_{name}" in line
    assert seen in line
    assert "hidden" not in str(refused.value)


def test_what_may_be_left_out_may_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("DATABASE_DIRECT_URL", "WHATSAPP_VERSION", "WHATSAPP_URL", "WHATSAPP_ROOT_KEY", "ENCRYPTION_KEYS")
    given = settings(monkeypatch, **dict.fromkeys(names, ""))
    assert given == settings(monkeypatch)
    assert given.direct_database is None
    assert given.whatsapp_url is None


def test_what_kubernetes_adds_for_a_service_of_that_name_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    links = {
        "PORT": "tcp://10.0.0.1:8001", "PORT_8001_TCP_ADDR": "10.0.0.1", "SERVICE_HOST": "10.0.0.1",
        "WORKER_SERVICE_PORT_HTTP": "8001", "WORKER_PORT": "tcp://10.0.0.1:8001",
    }  # fmt: skip
    assert settings(monkeypatch, **links).http_port == Settings.model_fields["http_port"].default


def test_a_misspelt_line_of_the_env_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GATEWAY_MAX_SESION=3\nRABBITMQ_PASSWORD=x\n")
    with pytest.raises(ValidationError, match="did you mean GATEWAY_MAX_SESSIONS"):
        Settings(_env_file=tmp_path / ".env")  # pyright: ignore[reportCallIssue] (pydantic-settings' own argument)


def test_an_env_file_that_this_user_may_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GATEWAY_MAX_SESSIONS=3\n")
    code = (
        "import os, pydantic\n"
        "from gateway_worker.settings.settings import Settings\n"
        f"os.chdir({str(tmp_path)!r}); os.chmod('.env', 0)\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: Settings()\n"
        "except pydantic.ValidationError as invalid: print(invalid.errors()[0]['loc'], invalid)\n"
    )
    tmp_path.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert str(tmp_path / ".env") in done.stdout, done.stderr
    assert "may not be read by this user" in done.stdout


def test_one_address_may_name_several_nodes() -> None:
    whole = amqp_nodes("amqp://u:p@a:1/v?x=y,amqps://u:p@b/v")
    assert whole == ["amqp://u:p@a:1/v?x=y", "amqps://u:p@b:5671/v"]
    assert amqp_nodes("amqp://u:p@a:1,b,[::1]:3/v") == [
        "amqp://u:p@a:1/v",
        "amqp://u:p@b:5672/v",
        "amqp://u:p@[::1]:3/v",
    ]


def test_what_poolers_and_tls_need_may_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("")

    given = settings(
        monkeypatch,
        AMQP_URL=f"amqps://u:p@a,[::1]:5671/v?cafile={authority}&capath={tmp_path}&heartbeat=30",
        DATABASE_URL=f"postgresql://u:p@a:1,b:2/d?sslmode=verify-full&sslrootcert={authority}&statement_timeout=9000",
        DATABASE_DIRECT_URL="postgresql://u@%2Frun%2Fpostgresql/d",
        REDIS_URL=f"rediss://u:p@[::1]:6379/15?ssl_ca_certs={authority}&ssl_cert_reqs=required&protocol=3",
        S3_ENDPOINT="[::1]:9000",
        HTTP_HOST="::",
    )

    assert given.http_host == "::"


def test_a_scheme_may_be_written_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(monkeypatch, AMQP_URL="AMQPS://a/", DATABASE_URL="POSTGRESQL://h/d", REDIS_URL="Redis://h/0")
    assert amqp_nodes(given.amqp_url) == ["amqps://a:5671/"]
    assert (str(given.database_url), given.redis_url) == ("postgresql://h/d", "redis://h/0")


def test_the_worker_id_is_made_of_the_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "node.example.com")

    assert settings(monkeypatch).worker_id == "node-example-com"
