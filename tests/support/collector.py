"""A collector of traces, as OpenTelemetry's exporters know one: OTLP over HTTP, in this process."""

import asyncio
import gzip
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """A span as it came; ids in hexadecimal, "" for no parent, times in nanoseconds."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    attributes: Mapping[str, str]


@dataclass(slots=True)
class Collector:
    """What it was sent."""

    url: str = ""
    spans: list[Collected] = field(default_factory=list[Collected])
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body.startswith(b"\x1f\x8b"):
            body = gzip.decompress(body)  # aiohttp may have done it
        self.spans += _spans_in(ExportTraceServiceRequest.FromString(body))
        async with self._moved:
            self._moved.notify_all()
        return web.Response(content_type="application/x-protobuf")

    async def until(self, is_enough: Callable[[list[Collected]], bool]) -> list[Collected]:
        async with asyncio.timeout(PATIENCE), self._moved:
            await self._moved.wait_for(lambda: is_enough(self.spans))
        return self.spans


def _spans_in(request: ExportTraceServiceRequest) -> list[Collected]:
    return [
        Collected(
            service=next(each.value.string_value for each in inside.resource.attributes if each.key == "service.name"),
            name=span.name,
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            start=span.start_time_unix_nano,
            end=span.end_time_unix_nano,
            attributes={each.key: each.value.string_value for each in span.attributes},
        )
        for inside in request.resource_spans
        for scope in inside.scope_spans
        for span in scope.spans
    ]


@asynccontextmanager
async def a_collector() -> AsyncGenerator[Collector]:
    collector = Collector()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()
