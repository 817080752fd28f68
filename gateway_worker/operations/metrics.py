"""Prometheus: what the connection manager counts, and gauges that are read when somebody scrapes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from gateway_worker.connections.base.observer import LIMBO_KINDS
from gateway_worker.connections.lifecycle.causes import VERDICTS
from gateway_worker.whatsapp.facts import Cause, ReceiptKind
from schemas.commands.commands import COMMANDS
from schemas.content.content import CONTENT_KINDS, SetAsideReason
from schemas.errors import Internal, error_codes
from schemas.events.events import EVENTS

_FILE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


_ALARMS: Final = {
    verdict.reason.code for verdict in VERDICTS.values() if verdict.needs_operator and verdict.reason is not None
}
_THERE_FROM_THE_START: Final[Sequence[tuple[str, Sequence[str]]]] = (
    *(("sessions_mended", [kind]) for kind in LIMBO_KINDS),
    *(("set_aside", [reason.value]) for reason in SetAsideReason),
    *(("alarms", [code]) for code in sorted(_ALARMS)),
    *(("commands", [kind, Internal.code]) for kind in COMMANDS),
    *((name, [kind]) for name in ("events_published", "events_repeated", "events_refused") for kind in EVENTS),
    *(("connections_ended", [cause.value]) for cause in Cause),
    *(("receipts", [kind.value, moved]) for kind in ReceiptKind for moved in ("yes", "no")),
    *(("messages_received", [kind]) for kind in sorted(CONTENT_KINDS)),
    *(("messages_failed", [code]) for code in sorted(error_codes())),
    *(("files_failed", [code]) for code in sorted(error_codes()) if code.startswith("media.")),
    ("files_delayed", ["crashed"]),
)
"""A series that begins when it first counts hides its first: nobody sees that as an increase, alerts least of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeReading:
    """One bridge process, as ``/metrics`` shows it."""

    name: str
    up: bool
    sessions: int
    resident_bytes: int
    cpu_seconds: float
    restarts: int
    loop_lag_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Where the gauges come from; each is called at a scrape and must not block."""

    sessions_by_state: Callable[[], Mapping[str, int]]
    max_sessions: Callable[[], int]
    sessions_unserved: Callable[[], int]
    bridges: Callable[[], Iterable[BridgeReading]]
    outbox_backlog: Callable[[], int]
    snapshots_late_seconds: Callable[[], float]
    lease_seconds: Callable[[], float]


@dataclass(frozen=True, slots=True)
class WorkerMetrics:
    """Implements `connections.metrics.Observer`. One per registry."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _counters: dict[str, Counter] = field(default_factory=dict[str, Counter])
    _histograms: dict[str, Histogram] = field(default_factory=dict[str, Histogram])

    def __post_init__(self) -> None:
        ProcessCollector(registry=self.registry)
        for name, text, labels in (
            ("connections_opened", "Sockets opened to WhatsApp.", ()),
            ("connections_ended", "Sockets that ended, by cause.", ("cause",)),
            ("sessions_freed", "Sessions of dead workers that this one made claimable.", ()),
            ("sessions_mended", "Sessions found in limbo and mended, by what was wrong.", ("kind",)),
            ("lease_lapses", "How often this worker's lease ran out, and it closed its sockets.", ()),
            ("alarms", "Things an operator should look at, by code.", ("code",)),
            ("messages_begun", "Outgoing messages made durable.", ()),
            ("messages_sent", "Outgoing messages that WhatsApp acknowledged.", ()),
            ("messages_failed", "Outgoing messages that failed for good, by code.", ("code",)),
            ("sends_retried", "Messages sent again under the same id.", ()),
            ("receipts", "Receipts, by kind and by whether they moved a status.", ("kind", "moved")),
            ("messages_received", "Incoming messages stored, by kind.", ("kind",)),
            ("set_aside", "What came and could not be told as it should be, by reason.", ("reason",)),
            ("files_fetched", "Files of incoming messages put into the bucket.", ()),
            ("files_delayed", "Tries to fetch such a file that are to be made again, by reason.", ("reason",)),
            ("files_failed", "Such files that will not be fetched any more, by code.", ("code",)),
            ("files_held", "Tries to get outgoing files that our bucket or disk was in the way of.", ()),
            ("files_uploaded", "Files of outgoing messages that WhatsApp's media host took.", ()),
            ("files_reused", "Files of outgoing messages that lay there already.", ()),
            ("upload_failures", "Uploads that failed while their connection lived.", ()),
            ("snapshots_stored", "Snapshots of sessions put into their bucket.", ()),
            ("snapshot_failures", "Snapshots that could not be stored or removed just then.", ()),
            ("commands", "Deliveries settled, by command type and outcome.", ("type", "outcome")),
            ("topology_missing", "Exchanges and queues of ours that were found missing, and declared again.", ()),
            ("events_published", "Durable events confirmed by the broker, by type.", ("type",)),
            ("events_repeated", "Durable events sent again because their confirm was lost, by type.", ("type",)),
            ("events_refused", "Durable events that a queue had no room for, or that met none, by type.", ("type",)),
        ):
            self._counters[name] = Counter(f"gateway_{name}", text, labels, registry=self.registry)
        for name, labels in _THERE_FROM_THE_START:
            self._counters[name].labels(*labels)
        for name, text, buckets in (
            ("login_seconds", "From opening a socket to being logged in.", _SECONDS),
            ("send_seconds", "From a command's arrival to WhatsApp's acknowledgement.", _SECONDS),
            ("command_seconds", "From a command's arrival to its being settled.", _SECONDS),
            ("file_fetch_seconds", "Of the try that put an incoming file into the bucket.", _FILE_SECONDS),
            ("file_upload_seconds", "Of an upload that WhatsApp's media host took.", _FILE_SECONDS),
        ):
            self._histograms[name] = Histogram(f"gateway_{name}", text, buckets=buckets, registry=self.registry)

    def observe(self, readings: Readings, *, version: str) -> None:
        """Show these gauges from now on."""
        Gauge("gateway_build_info", "Always 1.", ("version",), registry=self.registry).labels(version).set(1)
        self.registry.register(_Scraped(readings))

    def connection_opened(self) -> None:
        """A socket is being opened."""
        self._counters["connections_opened"].inc()

    def connection_ended(self, cause: Cause) -> None:
        """A socket is gone."""
        self._counters["connections_ended"].labels(cause.value).inc()

    def logged_in(self, seconds: float) -> None:
        """A session is connected, `seconds` after its socket was opened."""
        self._histograms["login_seconds"].observe(seconds)

    def sessions_freed(self, count: int) -> None:
        """Sessions of a worker that died are nobody's now."""
        self._counters["sessions_freed"].inc(count)

    def session_mended(self, kind: str) -> None:
        """A session was in limbo, and is taken care of; `kind` is one of `LIMBO_KINDS`."""
        self._counters["sessions_mended"].labels(kind).inc()

    def lease_lapsed(self) -> None:
        """The worker has fenced itself."""
        self._counters["lease_lapses"].inc()

    def alarm(self, code: str) -> None:
        """Something an operator should look at, by its reason's code (``session.replaced`` …)."""
        self._counters["alarms"].labels(code).inc()

    def message_begun(self) -> None:
        """An outgoing message is durable."""
        self._counters["messages_begun"].inc()

    def message_sent(self, seconds: float) -> None:
        """WhatsApp's server acknowledged a message, `seconds` after it arrived here."""
        self._counters["messages_sent"].inc()
        self._histograms["send_seconds"].observe(seconds)

    def message_failed(self, code: str) -> None:
        """A message failed for good."""
        self._counters["messages_failed"].labels(code).inc()

    def send_retried(self) -> None:
        """A message is sent again under the same id."""
        self._counters["sends_retried"].inc()

    def receipt_stored(self, kind: ReceiptKind) -> None:
        """A receipt moved a message's status."""
        self._counters["receipts"].labels(kind.value, "yes").inc()

    def receipt_ignored(self, kind: ReceiptKind) -> None:
        """A receipt moved nothing: not ours, or nothing new."""
        self._counters["receipts"].labels(kind.value, "no").inc()

    def message_received(self, kind: str) -> None:
        """An incoming message is stored."""
        self._counters["messages_received"].labels(kind).inc()

    def set_aside(self, reason: str) -> None:
        """Something that came could not be told as it should be: it is kept as it came."""
        self._counters["set_aside"].labels(reason).inc()

    def file_fetched(self, seconds: float) -> None:
        """The file of an incoming message is in the bucket, `seconds` after this try began."""
        self._counters["files_fetched"].inc()
        self._histograms["file_fetch_seconds"].observe(seconds)

    def file_delayed(self, reason: str) -> None:
        """A file could not be fetched just now: it is tried again. `reason` is one of a few words."""
        self._counters["files_delayed"].labels(reason).inc()

    def file_failed(self, code: str) -> None:
        """A file will not be fetched any more."""
        self._counters["files_failed"].labels(code).inc()

    def file_held(self) -> None:
        """Our bucket or disk is in the way of an outgoing file: it is tried again, and its chat waits."""
        self._counters["files_held"].inc()

    def file_uploaded(self, seconds: float) -> None:
        """WhatsApp's media host has taken the file of an outgoing message, in `seconds`."""
        self._counters["files_uploaded"].inc()
        self._histograms["file_upload_seconds"].observe(seconds)

    def file_reused(self) -> None:
        """A file lay at WhatsApp's media host already."""
        self._counters["files_reused"].inc()

    def upload_failed(self) -> None:
        """An upload failed while its connection lived; mostly it is tried again."""
        self._counters["upload_failures"].inc()

    def snapshot_stored(self) -> None:
        """A session's snapshot is in its bucket."""
        self._counters["snapshots_stored"].inc()

    def snapshot_failed(self) -> None:
        """A snapshot could not be stored or removed; mostly it is tried again."""
        self._counters["snapshot_failures"].inc()

    def command_settled(self, command_type: str, outcome: str, seconds: float) -> None:
        """A delivery got its one outcome."""
        self._counters["commands"].labels(command_type, outcome).inc()
        self._histograms["command_seconds"].observe(seconds)

    def topology_missed(self) -> None:
        """An exchange or queue of ours had been deleted."""
        self._counters["topology_missing"].inc()

    def event_published(self, event_type: str) -> None:
        """The broker has confirmed it."""
        self._counters["events_published"].labels(event_type).inc()

    def event_repeated(self, event_type: str) -> None:
        """It was sent and its confirm was lost: it goes out again, and may arrive twice under the same id."""
        self._counters["events_repeated"].labels(event_type).inc()

    def event_refused(self, event_type: str) -> None:
        """A queue had no room for it, or there was none: it goes out again, and other queues may have it twice."""
        self._counters["events_refused"].labels(event_type).inc()


class _Scraped(Collector):
    """Gauges that are read at the moment of a scrape."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        """Called by prometheus-client."""
        sessions = GaugeMetricFamily("gateway_sessions", "Sessions held here, by state.", labels=("state",))
        for state, count in self._readings.sessions_by_state().items():
            sessions.add_metric((state,), count)
        yield sessions
        most = "How many sessions this worker takes: GATEWAY_MAX_SESSIONS, 0 while it takes none."
        yield GaugeMetricFamily("gateway_max_sessions", most, value=self._readings.max_sessions())
        unserved = "Sessions that should be connected and that no worker has room for: each full worker sees them all."
        yield GaugeMetricFamily("gateway_sessions_unserved", unserved, value=self._readings.sessions_unserved())
        backlog = "Durable events committed and not yet confirmed by the broker."
        yield GaugeMetricFamily("gateway_outbox_backlog", backlog, value=self._readings.outbox_backlog())
        late = "How late the oldest identity is that should be in the sessions bucket by now."
        yield GaugeMetricFamily("gateway_snapshots_late_seconds", late, value=self._readings.snapshots_late_seconds())
        lease = "Until this worker closes its sockets, unless PostgreSQL renews its lease."
        yield GaugeMetricFamily("gateway_lease_seconds", lease, value=self._readings.lease_seconds())
        yield from self._bridges()

    def _bridges(self) -> Iterable[Metric]:
        families = {
            name: GaugeMetricFamily(f"gateway_bridge_{name}", text, labels=("bridge",))
            for name, text in (
                ("up", "Whether the process runs."),
                ("sessions", "Sockets it holds."),
                ("resident_bytes", "Its resident memory."),
                ("cpu_seconds", "CPU it has used since it started."),
                ("restarts", "How often it was started again."),
                ("loop_lag_seconds", "How long its event loop stood still at most, since it was asked last."),
            )
        }
        for bridge in self._readings.bridges():
            for name, family in families.items():
                family.add_metric((bridge.name,), float(getattr(bridge, name)))
        yield from families.values()
