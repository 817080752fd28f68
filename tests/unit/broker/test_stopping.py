"""A broker that takes connections and says nothing."""

import asyncio

from structlog.testing import capture_logs

from gateway_worker.broker.connection import BrokerConnection


async def test_who_is_told_to_stop_waits_for_no_node_that_says_nothing() -> None:
    called, over = asyncio.Event(), asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    connection = BrokerConnection(f"amqp://u:p@{host}:{port}/", name="test")
    with capture_logs() as logs:
        running = asyncio.create_task(connection.run())
        await called.wait()
        await connection.stop()
        await running
    over.set()
    server.close()

    assert logs == []  # it was not waited until the node was given up
