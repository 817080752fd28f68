import base64

import pytest
from pydantic import ValidationError

from gateway_worker.settings import Settings

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


def test_the_worker_id_is_made_of_the_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "node.example.com")

    assert settings(monkeypatch).worker_id == "node-example-com"
