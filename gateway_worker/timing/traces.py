"""Spans for OpenTelemetry, sent by OTLP over HTTP as its standard variables say.

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``…_TRACES_ENDPOINT``) turns them on, or ``OTEL_TRACES_EXPORTER=otlp``;
``OTEL_SDK_DISABLED=true`` or ``OTEL_TRACES_EXPORTER=none`` turn them off. Headers, certificates, timeouts, sampling and
resource attributes are read by OpenTelemetry itself. A collector that is away costs spans, and nothing else.
"""

import asyncio
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog

from gateway_worker.timing.spans import Attributes, Carrier, Span, SpanKind, install

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_LAST_SECONDS: Final = 1.0  # for the last spans, when leaving
_NANOSECONDS: Final = 1_000_000_000


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables ask for traces."""
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    return exporter == "otlp" or any(environment.get(name, "").strip() for name in _ENDPOINTS)


class Exporting:
    """Sends spans for as long as it is open. Where they are not wanted it does nothing, and imports nothing.

    Args:
        service: `service.name`, unless a variable says otherwise.
        instance: `service.instance.id`, which process it is.
        version: `service.version`.
        environment: the process's variables.
    """

    def __init__(self, service: str, instance: str, version: str, environment: Mapping[str, str]) -> None:
        self._provider: TracerProvider | None = None
        if is_wanted(environment):
            name = environment.get("OTEL_SERVICE_NAME") or service
            self._provider = _provider(
                {"service.name": name, "service.instance.id": instance, "service.version": version}
            )
            install(OpenTelemetryTracer(self._provider))

    async def close(self) -> None:
        """Send what is left, for a second at most: a collector that is away holds nobody up."""
        install(None)
        if self._provider is not None:
            # Not `asyncio.to_thread`: the loop's end would wait for its threads
            loop, done = asyncio.get_running_loop(), asyncio.Event()
            threading.Thread(target=self._shut, args=(loop, done), daemon=True).start()
            try:
                async with asyncio.timeout(_LAST_SECONDS):
                    await done.wait()
            except TimeoutError:
                return

    def _shut(self, loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
        assert self._provider is not None
        self._provider.shutdown()
        if not loop.is_closed():
            loop.call_soon_threadsafe(done.set)


def _provider(resource: Mapping[str, str]) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 (only if wanted)
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 (as above)
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 (as above)
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 (as above)

    provider = TracerProvider(resource=Resource.create(dict(resource)), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class OpenTelemetryTracer:
    """Makes OpenTelemetry's spans of ours, and has the log lines within carry their ids."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace  # noqa: PLC0415 (only if wanted)
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 (as above)

        self._tracer = provider.get_tracer("gateway-worker")
        self._format = TraceContextTextMapPropagator()
        self._kinds = {kind: trace.SpanKind[kind.name] for kind in SpanKind}
        self._failed = trace.StatusCode.ERROR

    @contextmanager
    def span(
        self, name: str, kind: SpanKind, *, parent: Carrier | None, attributes: Attributes | None
    ) -> Generator[Span]:
        """Opens a span of OpenTelemetry around what is done inside."""
        with self._tracer.start_as_current_span(
            name,
            context=None if parent is None else self._format.extract(parent),
            kind=self._kinds[kind],
            attributes=attributes,
            record_exception=False,  # its text may hold what no log may
            set_status_on_exception=False,
        ) as begun:
            context = begun.get_span_context()
            ids = {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
            ours = _Span(begun, self._failed)
            with structlog.contextvars.bound_contextvars(**ids):
                try:
                    yield ours
                except Exception as error:
                    ours.fail(str(getattr(error, "code", type(error).__name__)))
                    raise

    def past(
        self, name: str, kind: SpanKind, since: datetime, *, parent: Carrier | None, attributes: Attributes | None
    ) -> None:
        """Records a span that is over."""
        self._tracer.start_span(
            name,
            context=None if parent is None else self._format.extract(parent),
            kind=self._kinds[kind],
            attributes=attributes,
            start_time=int(since.timestamp() * _NANOSECONDS),
        ).end()

    def carrier(self) -> Mapping[str, str]:
        """The trace context of here, for what leaves."""
        found: dict[str, str] = {}
        self._format.inject(found)
        return found


class _Span:
    def __init__(self, span: "trace.Span", failed: "trace.StatusCode") -> None:
        self._span = span
        self._failed = failed

    def fail(self, error_type: str) -> None:
        """It went wrong; a word, never the text of an error."""
        self._span.set_status(self._failed)
        self._span.set_attribute("error.type", error_type)
