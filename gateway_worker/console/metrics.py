"""Prometheus metrics of the console: counts alone, of nobody in particular. All there from the start, at 0."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

OUTCOMES: Final = ("answered", "refused", "failed")
"""Below 400, below 500, and above: a refusal of the visitor's or the gateway's; a fault, or a gateway that is away."""
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_REFUSED: Final = 400
_FAILED: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Where the gauges come from; each is called at a scrape."""

    is_away: Callable[[], bool]
    streams: Callable[[], int]
    sessions: Callable[[], int]
    needing_a_person: Callable[[], int]


class ConsoleMetrics:
    """What the console counts, and the registry that shows it."""

    def __init__(self, readings: Readings, *, version: str) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge("gateway_build_info", "Always 1.", ("version",), registry=registry).labels(version).set(1)
        requests = Counter(
            "gateway_console_requests", "Requests for pages, by how they ended.", ("outcome",), registry=registry
        )
        self._requests = {outcome: requests.labels(outcome) for outcome in OUTCOMES}
        self._seconds = Histogram(
            "gateway_console_page_seconds", "Of a page, without streams.", buckets=_SECONDS, registry=registry
        )
        self._events = Counter("gateway_console_events", "Events of the gateway that came.", registry=registry)
        registry.register(_Scraped(readings))

    def answered(self, status: int, seconds: float, *, is_stream: bool) -> None:
        """A request has had its answer; a stream's time says nothing."""
        outcome = "answered" if status < _REFUSED else "refused" if status < _FAILED else "failed"
        self._requests[outcome].inc()
        if not is_stream:
            self._seconds.observe(seconds)

    def event_received(self) -> None:
        """An event has come."""
        self._events.inc()


class _Scraped(Collector):
    """Gauges that are read at the moment of a scrape."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        """Called by prometheus-client."""
        read = self._readings
        for name, text, value in (
            ("gateway_away", "1: RabbitMQ, or every worker, is out of the console's reach.", float(read.is_away())),
            ("streams", "Pages and backends' front ends that are told of events as they come.", read.streams()),
            ("sessions", "Sessions that it knows of.", read.sessions()),
            ("sessions_needing_a_person", "Sessions that wait for somebody to do something.", read.needing_a_person()),
        ):
            yield GaugeMetricFamily(f"gateway_console_{name}", text, value=value)
