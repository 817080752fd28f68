"""Spans: what a command goes through, from its arrival to the last event that answers it.

They are ambient, as logs are: whoever does something that takes time says so here, and what is on this task's way lies
within. Off, nothing of OpenTelemetry is imported, and a span is one shared object that does nothing. The names of
attributes are OpenTelemetry's semantic conventions (messaging, CloudEvents, HTTP).
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

Attributes = Mapping[str, str | int | bool]
Carrier = Mapping[str, str | int | bool]
"""Where trace context lies, as ``traceparent`` and ``tracestate``: an envelope's attributes, an HTTP call's headers."""


class SpanKind(StrEnum):
    """Who waits for whom."""

    CONSUMER = "consumer"
    PRODUCER = "producer"
    CLIENT = "client"
    INTERNAL = "internal"


class Span(Protocol):
    """Something that takes time."""

    def fail(self, error_type: str) -> None:
        """It went wrong; a word, never the text of an error."""
        ...


class Tracer(Protocol):
    """Takes spans, and says in which one this task is."""

    def span(
        self, name: str, kind: SpanKind, *, parent: Carrier | None, attributes: Attributes | None
    ) -> AbstractContextManager[Span]:
        """Open a span around what is done inside."""
        ...

    def past(
        self, name: str, kind: SpanKind, since: datetime, *, parent: Carrier | None, attributes: Attributes | None
    ) -> None:
        """Record a span that is over."""
        ...

    def carrier(self) -> Mapping[str, str]:
        """The trace context of here, for what leaves."""
        ...


class _NoSpan:
    def fail(self, error_type: str) -> None:
        """Nobody is told."""


_OFF: Final = nullcontext[Span](_NoSpan())
_tracer: Tracer | None = None


def install(tracer: Tracer | None) -> None:
    """Have spans go to this tracer from now on; None: to nobody."""
    global _tracer  # noqa: PLW0603 (ambient, as the configuration of logs is)
    _tracer = tracer


def is_on() -> bool:
    """Whether anybody takes spans: attributes that cost something to make are made then only."""
    return _tracer is not None


def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    parent: Carrier | None = None,
    attributes: Attributes | None = None,
) -> AbstractContextManager[Span]:
    """What is done inside; within the span that this task is in, or within `parent`, which came from elsewhere."""
    return _OFF if _tracer is None else _tracer.span(name, kind, parent=parent, attributes=attributes)


def past(
    name: str,
    since: datetime,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    parent: Carrier | None = None,
    attributes: Attributes | None = None,
) -> None:
    """What has been going on since then, and ends now."""
    if _tracer is not None:
        _tracer.past(name, kind, since, parent=parent, attributes=attributes)


def carrier() -> Mapping[str, str]:
    """The context of the span that this task is in, to be sent along; empty where there is none."""
    return {} if _tracer is None else _tracer.carrier()
