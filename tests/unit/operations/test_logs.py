import io
import json
import logging

import pytest
import structlog
from aiohttp.http_exceptions import BadStatusLine

from gateway_worker.operations import logs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to 15550001111@s.whatsapp.net now", "to [jid] now"),
        ("15550001111:12@s.whatsapp.net", "[jid]"),
        ("123456789012345@lid and 1203630@g.us", "[jid] and [jid]"),
        ("call +15550001111", "call [phone]"),
        ("call 15550001111.", "call [phone]."),
        ("amqp://user:secret@host/vhost", "amqp://[credentials]@host/vhost"),
        ("worker-001 took 12 ms", "worker-001 took 12 ms"),
    ],
)
def test_redaction_hides_who_and_secrets(text: str, expected: str) -> None:
    assert logs.redact(text) == expected


def test_redaction_reaches_into_nested_values_and_bounds_long_ones() -> None:
    event = logs.redaction(None, "info", {"event": "e", "detail": {"who": ["+15550001111"]}, "long": "x" * 10_000})

    assert event["detail"] == {"who": ["[phone]"]}
    assert len(event["long"]) == 2_000


@pytest.mark.parametrize(("error", "is_ours"), [(BadStatusLine("?"), False), (ValueError("?"), True)])
def test_what_a_stranger_says_to_a_port_is_no_error_of_ours(error: Exception, *, is_ours: bool) -> None:
    record = logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "", None, (type(error), error, None))
    assert logs.is_ours(record) is is_ours


def test_libraries_and_we_write_the_same_json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    before = logging.getLogger().handlers, logging.getLogger().level
    structured = structlog.get_config()
    try:
        logs.configure("info", "json", worker_id="worker-001")
        structlog.get_logger("ours").info("session.connected", phone="+15550001111")
        logging.getLogger("sqlalchemy").warning("lost amqp://guest:guest@127.0.0.1:1/")
        logging.getLogger("sqlalchemy").info("chatter")
        try:
            raise ValueError("no chat with 15550001111@s.whatsapp.net")  # noqa: TRY301 (it is the test)
        except ValueError:
            structlog.get_logger("ours").exception("delivery.failed")
    finally:
        logging.getLogger().handlers, logging.getLogger().level = before
        structlog.configure(**structured)
        structlog.contextvars.clear_contextvars()

    ours, theirs, failed = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (ours["event"], ours["phone"], ours["worker_id"]) == ("session.connected", "[phone]", "worker-001")
    assert theirs["event"] == "lost amqp://[credentials]@127.0.0.1:1/"
    assert "15550001111" not in failed["exception"]
    assert "[jid]" in failed["exception"]
