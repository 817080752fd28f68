"""What is written on a command that is put aside as dead, and where it goes when it is redriven."""

from datetime import UTC, datetime

import pytest

from consumers.dead_letters import REDRIVEN, fingerprint, original_route, read_dead_letter_headers, redriven_headers
from schemas.topology.channels import Topology

TOPOLOGY = Topology("gateway")


@pytest.mark.parametrize(
    ("key", "headers", "way"),
    [
        ("session.s1", {"x-gateway-code": "internal"}, "session.s1"),
        ("session.s1", {"x-gateway-code": "internal", "x-gateway-routing-key": "control"}, "session.s1"),
        ("gateway.control", {"x-gateway-code": "command.forbidden"}, "gateway.control"),
        ("session.s1", {}, "session.s1"),
        ("no.such.door", {}, "no.such.door"),
        ("gateway.session.s1", {}, "session.s1"),
        ("gateway.worker.w1", {}, "worker.w1"),
        ("gateway.control", {}, "control"),
        ("gateway.sessions", {}, "sessions.create"),
    ],
)
def test_a_command_is_redriven_with_the_key_it_was_buried_with(key: str, headers: dict[str, str], way: str) -> None:
    assert original_route(key, headers, TOPOLOGY) == way


def test_what_the_broker_buried_is_understood_too() -> None:
    died = datetime(2026, 11, 22, tzinfo=UTC)
    death = {
        "reason": "delivery_limit", "queue": "gateway.unroutable", "exchange": "gateway.commands",
        "routing-keys": ["session.s1"], "time": died, "count": 1,
    }  # fmt: skip
    headers = read_dead_letter_headers({"x-death": [death], "x-first-death-reason": "delivery_limit"})
    assert (headers.code, headers.queue) == ("delivery_limit", "gateway.unroutable")
    assert (headers.exchange, headers.routing_key) == ("gateway.commands", "session.s1")
    assert headers.time == "2026-11-22T00:00:00Z"
    assert read_dead_letter_headers({}).code == "unknown"


def test_a_redriven_command_carries_the_senders_headers_and_a_count() -> None:
    headers: dict[str, object] = {
        "x-gateway-code": "internal", "x-gateway-forwarded": 3, "x-death": [{}], "x-first-death-reason": "expired",
        "x-delivery-count": 4, "tenant": "t1", "CC": ["session.s2"], "BCC": ["session.s3"],
    }  # fmt: skip
    assert redriven_headers(headers) == {"tenant": "t1", REDRIVEN: 1}
    assert redriven_headers({REDRIVEN: 1}) == {REDRIVEN: 2}


def test_a_command_without_an_id_has_a_name_that_stays() -> None:
    headers = {"x-gateway-time": "2026-11-22T00:00:00Z", "x-gateway-routing-key": "control"}
    assert fingerprint(headers, b"body") == fingerprint(dict(headers), b"body")
    assert fingerprint(headers, b"body") != fingerprint(headers, b"other")
