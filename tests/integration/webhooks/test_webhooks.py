"""Webhooks over a real broker, to a server that answers well, late, wrong, never, 410, elsewhere or in part."""

import asyncio
import json
from typing import Any

import aio_pika
import aiohttp
import pytest
from aiohttp import web

from deploy.local.services import PrivateServices
from gateway_worker.webhooks.delivering import Pace
from tests.support.webhooks import SECRET, Json, Received, Receiver, a_receiver, a_stage, running, sequences, well

RECEIVED = "message.received.v1"


def target(receiver: Receiver, **more: Any) -> Json:
    return {"name": "shop", "url": f"{receiver.url}/hook?key=1", "allow_private": True, "timeout": 1.0, **more}


async def test_events_arrive_as_cloudevents_signed_and_in_order(services: PrivateServices, namespace: str) -> None:
    async with (
        a_receiver() as receiver,
        a_stage(services.amqp_url, namespace) as stage,
        running(services.amqp_url, namespace, targets=[target(receiver, secrets=[SECRET], token="a-token")]),
    ):
        seen = [
            await stage.emit(RECEIVED, session, {"text": f"grüße {number}"}, tenant="acme", correlationid="order-7")
            for number in range(50)
            for session in ("A", "B")
        ]
        calls = await receiver.has_taken(100)
    assert sequences(calls) == {"A": [*range(1, 51)], "B": [*range(1, 51)]}
    first = next(call for call in calls if call.json["subject"] == "A")
    assert first.json == seen[0]
    assert (first.method, first.path) == ("POST", "/hook?key=1")
    assert first.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert first.headers["Authorization"] == "Bearer a-token"
    assert first.id == seen[0]["id"]
    assert first.headers["webhook-signature"].startswith("v1,")


async def test_a_target_hears_what_it_asks_for(services: PrivateServices, namespace: str) -> None:
    wanted = {"types": ["message.*", "group.updated"], "sessions": ["A"], "mode": "binary"}
    async with (
        a_receiver() as receiver,
        a_stage(services.amqp_url, namespace) as stage,
        running(services.amqp_url, namespace, targets=[target(receiver, **wanted)]),
    ):
        for session in ("A", "B"):
            for kind in (RECEIVED, "group.updated.v1", "presence.updated.v1", "message.status.v1"):
                await stage.emit(kind, session, {"who": "Ünïcode"})
        calls = await receiver.has_taken(3)
        await stage.emit(RECEIVED, "A", {"last": True})
        await receiver.has_taken(4)
    assert [call.headers["ce-type"] for call in calls[:3]] == [RECEIVED, "group.updated.v1", "message.status.v1"]
    assert calls[0].json == {"who": "Ünïcode"}
    assert calls[0].headers["Content-Type"] == "application/json"
    assert calls[0].headers["ce-subject"] == "A"
    assert len(calls) == 4


async def test_the_briefs_backend_is_called_at_its_endpoints(services: PrivateServices, namespace: str) -> None:
    backend = {"allow_private": True, "token": "worker-secret-token"}
    async with (
        a_receiver() as receiver,
        a_stage(services.amqp_url, namespace) as stage,
        running(services.amqp_url, namespace, backend=backend | {"url": f"{receiver.url}/base/"}),
    ):
        registration = {"workerId": "w-1", "endpoint": "http://10.0.0.7:8001", "maxSessions": 50, "version": "1"}
        metrics = {
            "sessionCount": 1,
            "maxSessions": 50,
            "activeConnections": 1,
            "cpuUsage": 1.5,
            "memoryUsage": 2.5,
        }
        qr = {"sessionId": "A", "workerId": "w-1", "status": "qr_required", "qrCode": "data:…", "qrString": "1@A"}
        status = {"sessionId": "A", "commandId": "c", "messageId": "m", "status": "delivered"}
        await stage.emit("worker.registered.v1", "w-1", registration)
        await stage.emit("worker.heartbeat.v1", "w-1", {"workerId": "w-1", "status": "online", "metrics": metrics})
        await stage.emit("session.status.v1", "A", qr)
        await stage.emit("message.status.v1", "A", status)
        received = await stage.emit(RECEIVED, "A", {"sessionId": "A", "content": {"kind": "text", "text": "hi"}})
        await stage.emit("worker.stopped.v1", "w-1", {"workerId": "w-1"})
        calls = await receiver.has_taken(6)
    at = {(call.method, call.path.removeprefix("/base")): call for call in calls}
    assert at["POST", "/api/admin/workers/register"].json == registration
    assert at["PUT", "/api/admin/workers/w-1/heartbeat"].json == {"status": "online", "metrics": metrics}
    assert at["POST", "/api/webhooks/session-status"].json == qr
    assert at["POST", "/api/webhooks/message-status"].json == status
    notes = [call.json for call in calls if call.path.endswith("/workers/w-1/events")]
    assert {note["event"]: note.get("sessionId") for note in notes} == {"message.received": "A", "worker.stopped": None}
    note = next(note for note in notes if note["event"] == "message.received")
    assert (note["eventId"], note["sequence"], note["timestamp"]) == tuple(
        received[name] for name in ("id", "sequence", "time")
    )
    assert note["data"] == received["data"]
    assert all(call.headers["Authorization"] == "Bearer worker-secret-token" for call in calls)


async def refuse_at_random(call: Received) -> web.StreamResponse:
    """As bad as a target can be that takes everything in the end; each call at most a few times."""
    kind = hash(call.id + str(call.headers["webhook-timestamp"])) % 10
    match kind:
        case 0:
            return web.Response(status=500, body=b"x" * 200_000)
        case 1:
            return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})
        case 2:
            await asyncio.sleep(1.5)  # later than anybody waits
            return web.Response(status=500)
        case _:
            return web.Response(status=200, body=b"y" * 100_000)


async def test_what_is_refused_comes_again_and_the_order_stays(services: PrivateServices, namespace: str) -> None:
    pace = Pace(first=0.05, longest=0.2, reset=0.2)
    async with (
        a_receiver(refuse_at_random) as receiver,
        a_stage(services.amqp_url, namespace) as stage,
        running(services.amqp_url, namespace, pace=pace, targets=[target(receiver, timeout=0.5)]),
    ):
        for _ in range(15):
            for session in ("A", "B", "C", "D"):
                await stage.emit(RECEIVED, session)
        await receiver.until(lambda it: len({call.id for call in it.taken}) == 60)
    assert sequences(receiver.taken) == {session: [*range(1, 16)] for session in ("A", "B", "C", "D")}
    assert not any(call.path != "/hook?key=1" for call in receiver.calls)  # nobody followed the redirect


async def test_a_target_that_is_silent_or_gone_holds_up_no_other(services: PrivateServices, namespace: str) -> None:
    async def never(_call: Received) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async def gone(_call: Received) -> web.StreamResponse:
        return web.Response(status=410)

    async with (
        a_receiver() as good,
        a_receiver(never) as silent,
        a_receiver(gone) as left,
        a_stage(services.amqp_url, namespace) as stage,
    ):
        targets = [target(good), target(silent, name="silent"), target(left, name="gone")]
        async with running(services.amqp_url, namespace, targets=targets) as (webhooks, names):
            for _ in range(20):
                await stage.emit(RECEIVED, "A")
            await good.has_taken(20)
            await left.until(lambda it: len(it.calls) == 1)
            async with aiohttp.ClientSession() as http:
                metrics = await (await http.get(f"http://127.0.0.1:{webhooks.port}/metrics")).text()
                async with asyncio.timeout(60):
                    while (await (await http.get(f"http://127.0.0.1:{webhooks.port}/health")).json())["targets"][
                        "gone"
                    ]["status"] != "gone":  # the answer is on its way
                        pass
                health = await http.get(f"http://127.0.0.1:{webhooks.port}/health")
                assert (health.status, (await health.json())["status"]) == (200, "degraded")
            assert 'gateway_webhook_given_up_total{target="silent"} 0.0' in metrics
            assert 'gateway_webhook_delivered_total{target="shop"} 20.0' in metrics
            assert len(left.calls) == 1  # and no more
            assert await stage.count(names.queue("gone")) == 20  # they wait for somebody who mends it


async def test_what_is_given_up_lies_in_the_dead_queue_and_what_is_behind_it_goes_on(
    services: PrivateServices, namespace: str
) -> None:
    async def not_the_third(call: Received) -> web.StreamResponse:
        return web.Response(status=422 if (call.json["subject"], int(call.json["sequence"])) == ("A", 3) else 200)

    pace = Pace(first=0.4, longest=0.5, reset=0.5)
    async with (
        a_receiver(not_the_third) as receiver,
        a_stage(services.amqp_url, namespace) as stage,
        running(services.amqp_url, namespace, pace=pace, targets=[target(receiver, give_up_hours=1 / 3600)]) as (
            _,
            names,
        ),
    ):
        for _ in range(10):  # so that the few that are refused open no breaker
            await stage.emit(RECEIVED, "B")
        seen = [await stage.emit(RECEIVED, "A") for _ in range(5)]
        await receiver.has_taken(14)
        dead = await stage.channel.get_queue(names.dead, ensure=False)
        async with dead.iterator(timeout=60) as letters:
            letter = await anext(letters)
        assert json.loads(letter.body) == seen[2]
        assert letter.headers["x-gateway-code"] == "webhook.undelivered"
        assert "422" in str(letter.headers["x-gateway-message"])
    assert sequences(receiver.taken) == {"A": [1, 2, 4, 5], "B": [*range(1, 11)]}


async def test_a_session_that_is_refused_is_parked_and_others_go_on_also_in_the_next_process(
    services: PrivateServices, namespace: str
) -> None:
    async def not_of_a(call: Received) -> web.StreamResponse:
        return web.Response(status=500 if call.json["subject"] == "A" else 200)

    async with a_receiver(not_of_a) as receiver, a_stage(services.amqp_url, namespace) as stage:
        pace = Pace(first=0.2, longest=1.0, reset=0.2)
        async with running(services.amqp_url, namespace, pace=pace, targets=[target(receiver)]) as (_, names):
            for number in range(400):
                await stage.emit(RECEIVED, "A")
                await stage.emit(RECEIVED, f"B{number % 10}")
            await receiver.has_taken(400)
        parked = names.queue(names.parked("shop", "session.A"))
        assert await stage.count(parked) > 0
        receiver.answer = well
        async with running(services.amqp_url, namespace, pace=pace, targets=[target(receiver)]):
            await stage.emit(RECEIVED, "A")
            await receiver.until(lambda it: len({call.id for call in it.taken}) == 801)
    found = sequences(receiver.taken)
    assert found.pop("A") == [*range(1, 402)]
    assert found == {f"B{number}": [*range(1, 41)] for number in range(10)}
    async with await aio_pika.connect(services.amqp_url) as connection:
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await (await connection.channel()).declare_queue(parked, passive=True)


async def test_what_is_redriven_is_told_although_it_is_old(services: PrivateServices, namespace: str) -> None:
    async with (
        a_receiver() as receiver,
        a_stage(services.amqp_url, namespace) as stage,
        running(services.amqp_url, namespace, targets=[target(receiver)]) as (_, names),
    ):
        seen = [await stage.emit(RECEIVED, "A") for _ in range(3)]
        await receiver.has_taken(3)
        exchange = await stage.channel.get_exchange(names.exchange, ensure=False)
        await exchange.publish(aio_pika.Message(json.dumps(seen[0]).encode()), names.again("shop"))
        calls = await receiver.has_taken(4)
    assert calls[3].json == seen[0]


async def test_somebody_elses_replay_is_not_told_again(services: PrivateServices, namespace: str) -> None:
    async with (
        a_receiver() as receiver,
        a_stage(services.amqp_url, namespace) as stage,
        running(services.amqp_url, namespace, targets=[target(receiver, types=["message.received"])]),
    ):
        seen = [await stage.emit(RECEIVED, "A") for _ in range(3)]
        await receiver.has_taken(3)
        for event in seen[:2]:
            await stage.publish(event | {"id": f"{event['id']}-again"})
        await stage.emit(RECEIVED, "A")
        calls = await receiver.has_taken(4)
    assert [int(call.json["sequence"]) for call in calls] == [1, 2, 3, 4]
