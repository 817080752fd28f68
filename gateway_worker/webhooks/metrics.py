"""Prometheus metrics of webhooks. Everything that is counted is there from the start, at 0."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from gateway_worker.webhooks.calls import CallFailedError

REASONS: Final = ("status", "timeout", "connect", "dns", "tls", "address", "protocol", "gone")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_DELAYS: Final = (*_SECONDS, 60.0, 300.0, 1800.0, 7200.0, 43200.0, 86400.0)


class State(Protocol):
    """How a target is, at a scrape."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def is_gone(self) -> bool:
        """It answered 410, and is not called any more."""
        ...

    @property
    def is_away(self) -> bool:
        """Its breaker is not closed."""
        ...

    @property
    def in_hand(self) -> int:
        """Events in hand."""
        ...

    @property
    def parked(self) -> int:
        """Sessions whose events are parked."""
        ...

    @property
    def late_seconds(self) -> float:
        """How long the oldest event in hand is due."""
        ...


@dataclass(frozen=True, slots=True)
class TargetMetrics:
    """What one target counts; implements `delivering.Observer`."""

    name: str
    _attempts: Histogram
    _failures: Mapping[str, Counter]
    _delivered: Counter
    _delays: Histogram
    _given_up: Counter
    _skipped: Counter

    def attempted(self, seconds: float, failure: CallFailedError | None) -> None:
        """One ended."""
        self._attempts.observe(seconds)
        if failure is not None:
            self._failures[failure.reason].inc()

    def gone(self) -> None:
        """It answered 410."""
        self._failures["gone"].inc()

    def delivered(self, late: float) -> None:
        """An event was taken, so many seconds after it was due."""
        self._delivered.inc()
        self._delays.observe(max(0.0, late))

    def given_up(self) -> None:
        """An event lies in the dead queue."""
        self._given_up.inc()

    def skipped(self) -> None:
        """A fleeting event was too old, or not taken."""
        self._skipped.inc()


class WebhookMetrics:
    """All targets' metrics, and the registry that shows them."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._attempts = Histogram(
            "gateway_webhook_seconds", "Of one attempt.", ("target",), buckets=_SECONDS, registry=registry
        )
        self._failures = Counter(
            "gateway_webhook_failures", "Attempts that failed, by reason.", ("target", "reason"), registry=registry
        )
        self._delivered = Counter(
            "gateway_webhook_delivered", "Events that were taken.", ("target",), registry=registry
        )
        self._delays = Histogram(
            "gateway_webhook_delay_seconds",
            "From an event to its being taken.",
            ("target",),
            buckets=_DELAYS,
            registry=registry,
        )
        self._given_up = Counter(
            "gateway_webhook_given_up", "Events put into the dead queue.", ("target",), registry=registry
        )
        self._skipped = Counter(
            "gateway_webhook_skipped", "Heartbeats that were not taken at once.", ("target",), registry=registry
        )

    def of(self, target: str) -> TargetMetrics:
        """One target's."""
        return TargetMetrics(
            target,
            self._attempts.labels(target),
            {reason: self._failures.labels(target, reason) for reason in REASONS},
            self._delivered.labels(target),
            self._delays.labels(target),
            self._given_up.labels(target),
            self._skipped.labels(target),
        )

    def observe(self, states: Iterable[State], *, version: str) -> None:
        """Show how these are, from now on."""
        Gauge("gateway_build_info", "Always 1.", ("version",), registry=self.registry).labels(version).set(1)
        self.registry.register(_Scraped(list(states)))


class _Scraped(Collector):
    """Gauges that are read at the moment of a scrape."""

    def __init__(self, states: Iterable[State]) -> None:
        self._states = states

    def collect(self) -> Iterable[Metric]:
        """Called by prometheus-client."""
        families: Mapping[str, GaugeMetricFamily] = {
            name: GaugeMetricFamily(f"gateway_webhook_{name}", text, labels=("target",))
            for name, text in (
                ("gone", "1: it answered 410 and is not called any more."),
                ("away", "1: its circuit breaker is open."),
                ("in_hand", "Events in hand."),
                ("parked_sessions", "Sessions whose events wait behind one that is tried again."),
                ("late_seconds", "How long the oldest event in hand is due."),
            )
        }
        for state in self._states:
            values = (state.is_gone, state.is_away, state.in_hand, state.parked, state.late_seconds)
            for family, value in zip(families.values(), values, strict=True):
                family.add_metric((state.name,), float(value))
        yield from families.values()
