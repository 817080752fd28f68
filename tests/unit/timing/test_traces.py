"""Spans go to whoever OpenTelemetry's variables name, and to nobody, at no cost, where they name none."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from gateway_worker.timing.spans import SpanKind, carrier, is_on, past, span
from gateway_worker.timing.traces import Exporting, is_wanted
from tests.support.collector import a_collector

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
ENDPOINT_OF_TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({"OTEL_SERVICE_NAME": "gateway"}, False),
        ({ENDPOINT: "http://collector:4318"}, True),
        ({ENDPOINT_OF_TRACES: "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({ENDPOINT: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({ENDPOINT: "http://collector:4318", "OTEL_SDK_DISABLED": "True"}, False),
    ],
)
def test_the_standard_variables_turn_traces_on_and_off(environment: dict[str, str], *, wanted: bool) -> None:
    assert is_wanted(environment) is wanted


def test_off_nothing_is_imported_and_a_span_is_always_the_same() -> None:
    program = (
        "import sys; from gateway_worker.timing.traces import Exporting; from gateway_worker.timing import spans;"
        "Exporting('s', 'i', '1', {}); assert spans.span('a') is spans.span('b');"
        "sys.exit(any(name.partition('.')[0] == 'opentelemetry' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_spans_lie_within_each_other_and_within_what_came_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_collector() as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)
        traces = Exporting("gateway-worker", "worker-001", "1.0", os.environ)
        assert is_on()
        with span("outer", SpanKind.CONSUMER, parent={"traceparent": TRACEPARENT, "tenant": "acme"}):
            sent_along = carrier()["traceparent"]
            logged = structlog.contextvars.get_contextvars()
            with span("inner"):
                past("before", datetime.now(UTC) - timedelta(seconds=3))
        with pytest.raises(ValueError, match="a secret"), span("broken", parent={}):
            raise ValueError("a secret")
        await traces.close()
        spans = {each.name: each for each in collector.spans}
    _, trace, caller, _ = TRACEPARENT.split("-")
    assert {spans[name].trace for name in ("outer", "inner", "before")} == {trace}
    assert (spans["outer"].parent, spans["inner"].parent) == (caller, spans["outer"].id)
    assert (spans["before"].parent, spans["outer"].service) == (spans["inner"].id, "gateway-worker")
    assert 2.9 < (spans["before"].end - spans["before"].start) / 1e9 < 60
    assert sent_along == f"00-{trace}-{spans['outer'].id}-01"
    assert (logged["trace_id"], logged["span_id"]) == (trace, spans["outer"].id)
    assert spans["broken"].attributes["error.type"] == "ValueError"
    assert "a secret" not in str(spans["broken"])
    assert not is_on()
    assert "trace_id" not in structlog.contextvars.get_contextvars()
