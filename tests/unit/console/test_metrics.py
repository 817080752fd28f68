from prometheus_client.exposition import generate_latest

from gateway_worker.console.metrics import ConsoleMetrics, Readings


def test_pages_are_counted_by_how_they_ended_and_streams_have_no_time() -> None:
    readings = Readings(is_away=lambda: True, streams=lambda: 2, sessions=lambda: 1_000, needing_a_person=lambda: 3)
    metrics = ConsoleMetrics(readings, version="1.0")
    metrics.answered(200, 0.02, is_stream=False)
    metrics.answered(303, 0.02, is_stream=False)
    metrics.answered(200, 3_600.0, is_stream=True)
    metrics.answered(403, 0.02, is_stream=False)
    metrics.answered(503, 0.02, is_stream=False)
    metrics.event_received()

    shown = generate_latest(metrics.registry).decode()

    for line in (
        'gateway_build_info{version="1.0"} 1.0',
        'gateway_console_requests_total{outcome="answered"} 3.0',
        'gateway_console_requests_total{outcome="refused"} 1.0',
        'gateway_console_requests_total{outcome="failed"} 1.0',
        "gateway_console_page_seconds_count 4.0",
        "gateway_console_events_total 1.0",
        "gateway_console_gateway_away 1.0",
        "gateway_console_streams 2.0",
        "gateway_console_sessions_needing_a_person 3.0",
    ):
        assert line in shown
