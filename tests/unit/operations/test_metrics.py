from prometheus_client.exposition import generate_latest

from gateway_worker.connections.base.observer import SessionObserver
from gateway_worker.operations.metrics import BridgeReading, Readings, WorkerMetrics
from gateway_worker.whatsapp.facts import Cause, ReceiptKind


def test_what_the_manager_counts_is_shown() -> None:
    metrics = WorkerMetrics()
    observer: SessionObserver = metrics
    observer.connection_opened()
    observer.connection_ended(Cause.REPLACED)
    observer.message_sent(0.02)
    observer.receipt_ignored(ReceiptKind.READ)
    observer.file_fetched(200.0)
    observer.file_delayed("host_away")
    observer.file_failed("media.unreachable")
    observer.file_held()
    observer.file_uploaded(0.3)
    observer.file_reused()
    observer.upload_failed()
    metrics.command_settled("message.send.v1", "acked", 0.03)

    text = generate_latest(metrics.registry).decode()

    assert 'gateway_connections_ended_total{cause="replaced"} 1.0' in text
    assert 'gateway_receipts_total{kind="read",moved="no"} 1.0' in text
    assert "gateway_send_seconds_count 1.0" in text
    assert 'gateway_file_fetch_seconds_bucket{le="300.0"} 1.0' in text
    assert 'gateway_files_delayed_total{reason="host_away"} 1.0' in text
    assert 'gateway_files_failed_total{code="media.unreachable"} 1.0' in text
    assert 'gateway_file_upload_seconds_bucket{le="0.5"} 1.0' in text
    assert "gateway_files_held_total 1.0" in text
    assert "gateway_files_reused_total 1.0" in text
    assert "gateway_upload_failures_total 1.0" in text
    assert 'gateway_commands_total{outcome="acked",type="message.send.v1"} 1.0' in text


def test_gauges_are_read_at_the_scrape() -> None:
    metrics = WorkerMetrics()
    states = {"connected": 1}
    bridge = BridgeReading(
        name="0", up=True, sessions=1, resident_bytes=5, cpu_seconds=0.5, restarts=2, loop_lag_seconds=0.001
    )
    metrics.observe(
        Readings(
            sessions_by_state=lambda: states,
            max_sessions=lambda: 50,
            sessions_unserved=lambda: 4,
            bridges=lambda: [bridge],
            outbox_backlog=lambda: 7,
            snapshots_late_seconds=lambda: 2.5,
            lease_seconds=lambda: 20.0,
        ),
        version="1.0",
    )
    states["connected"] = 3

    text = generate_latest(metrics.registry).decode()

    assert 'gateway_sessions{state="connected"} 3.0' in text
    assert "gateway_max_sessions 50.0" in text
    assert "gateway_sessions_unserved 4.0" in text
    assert "gateway_outbox_backlog 7.0" in text
    assert "gateway_snapshots_late_seconds 2.5" in text
    assert 'gateway_bridge_restarts{bridge="0"} 2.0' in text
    assert 'gateway_build_info{version="1.0"} 1.0' in text


def test_what_alerts_look_at_is_there_before_it_counts() -> None:
    text = generate_latest(WorkerMetrics().registry).decode()
    for series in (
        'gateway_alarms_total{code="session.replaced"} 0.0',
        'gateway_commands_total{outcome="internal",type="message.send.v1"} 0.0',
        'gateway_files_delayed_total{reason="crashed"} 0.0',
        'gateway_messages_failed_total{code="message.unconfirmed"} 0.0',
        'gateway_set_aside_total{reason="ended_process"} 0.0',
    ):
        assert series in text
