"""What is written on a buried command, and where it goes when it is redriven."""

from datetime import UTC, datetime

import pytest

from consumers.burial import REDRIVEN, Epitaph, fingerprint, read_epitaph, redriven_headers, way_back
from schemas.channels import Topology

TOPOLOGY = Topology("gateway")


def lying(exchange: str, routing_key: str) -> Epitaph:
    return Epitaph(code="internal", message="", queue="q", exchange=exchange, routing_key=routing_key)


@pytest.mark.parametrize(
    ("exchange", "key", "way"),
    [
        ("gateway.commands", "session.s1", ("gateway.commands", "session.s1")),
        ("someone.elses", "x", ("someone.elses", "x")),
        ("", "gateway.session.s1", ("gateway.commands", "session.s1")),
        ("", "gateway.worker.w1", ("gateway.commands", "worker.w1")),
        ("", "gateway.control", ("gateway.commands", "control")),
        ("", "gateway.sessions", ("gateway.commands", "sessions.create")),
        ("gateway.expired", "session.s1", ("gateway.commands", "session.s1")),
        ("gateway.unroutable", "no.such.door", ("gateway.commands", "no.such.door")),
    ],
)
def test_a_command_goes_back_where_it_came_from(exchange: str, key: str, way: tuple[str, str]) -> None:
    assert way_back(lying(exchange, key), TOPOLOGY) == way


def test_what_the_broker_buried_is_understood_too() -> None:
    died = datetime(2026, 11, 22, tzinfo=UTC)
    death = {
        "reason": "delivery_limit", "queue": "gateway.unroutable", "exchange": "gateway.commands",
        "routing-keys": ["session.s1"], "time": died, "count": 1,
    }  # fmt: skip
    epitaph = read_epitaph({"x-death": [death], "x-first-death-reason": "delivery_limit"})
    assert (epitaph.code, epitaph.queue) == ("delivery_limit", "gateway.unroutable")
    assert (epitaph.exchange, epitaph.routing_key) == ("gateway.commands", "session.s1")
    assert epitaph.time == "2026-11-22T00:00:00Z"
    assert read_epitaph({}).code == "unknown"


def test_a_redriven_command_carries_the_senders_headers_and_a_count() -> None:
    headers: dict[str, object] = {
        "x-gateway-code": "internal", "x-gateway-forwarded": 3, "x-death": [{}], "x-first-death-reason": "expired",
        "x-delivery-count": 4, "tenant": "t1",
    }  # fmt: skip
    assert redriven_headers(headers) == {"tenant": "t1", REDRIVEN: 1}
    assert redriven_headers({REDRIVEN: 1}) == {REDRIVEN: 2}


def test_a_command_without_an_id_has_a_name_that_stays() -> None:
    headers = {"x-gateway-time": "2026-11-22T00:00:00Z", "x-gateway-routing-key": "control"}
    assert fingerprint(headers, b"body") == fingerprint(dict(headers), b"body")
    assert fingerprint(headers, b"body") != fingerprint(headers, b"other")
