"""A tracer that notes its spans, and has everything within carry one trace context."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from gateway_worker.timing.spans import Attributes, Carrier, Span, SpanKind, install

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(kw_only=True)
class NotedSpan:
    name: str
    parent: Carrier | None
    attributes: Attributes
    failure: str | None = None

    def fail(self, error_type: str) -> None:
        self.failure = error_type


@dataclass
class NotingTracer:
    spans: list[NotedSpan] = field(default_factory=list[NotedSpan])
    depth: int = 0

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind,  # noqa: ARG002 (of the port)
        *,
        parent: Carrier | None,
        attributes: Attributes | None,
    ) -> Generator[Span]:
        noted = NotedSpan(name=name, parent=parent, attributes=attributes or {})
        self.spans.append(noted)
        self.depth += 1
        try:
            yield noted
        finally:
            self.depth -= 1

    def past(
        self, name: str, kind: SpanKind, since: datetime, *, parent: Carrier | None, attributes: Attributes | None
    ) -> None:
        raise AssertionError(
            f"a command has no span that is over before it begins: {name} {kind} {since} {parent} {attributes}"
        )

    def carrier(self) -> Mapping[str, str]:
        return {"traceparent": TRACEPARENT} if self.depth else {}


@contextmanager
def noted_spans() -> Generator[list[NotedSpan]]:
    """The spans of what is done inside."""
    tracer = NotingTracer()
    install(tracer)
    try:
        yield tracer.spans
    finally:
        install(None)
