"""The brief's HTTP API of a backend: which call tells of an event. Pure but for what it remembers of workers.

| event | call |
|---|---|
| `worker.registered` | ``POST /api/admin/workers/register`` |
| `worker.heartbeat` | ``PUT /api/admin/workers/{id}/heartbeat`` |
| `session.status` | ``POST /api/webhooks/session-status`` |
| `message.status` | ``POST /api/webhooks/message-status`` |
| every other | ``POST /api/admin/workers/{id}/events`` |
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote

from gateway_worker.client.events import Event
from gateway_worker.webhooks.calls import Call
from gateway_worker.webhooks.cloudevents import trace

_HEADERS: Final = {"content-type": "application/json; charset=utf-8"}
_WORKERS: Final = "/api/admin/workers"
_WEBHOOKS: Final = {"session.status.v1": "session-status", "message.status.v1": "message-status"}
_MOST_SESSIONS: Final = 50_000  # whose worker is remembered
NOBODY: Final = "unassigned"
"""Stands for the worker where a session has none, as after its deletion."""


class Registry(Protocol):
    """Answers what an event itself does not say."""

    async def worker_of(self, session: str) -> str | None:
        """The worker that holds a session; None where nobody does, or nobody knows."""
        ...

    async def registration(self, worker: str) -> Mapping[str, Any] | None:
        """What ``worker.registered`` said of a worker; None where it does not answer."""
        ...


class BackendApi:
    """Turns events into calls.

    A worker that the backend was not told of by this process is registered before its first heartbeat: it may have
    started before the queue existed, or the backend may have forgotten it.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._registered: set[str] = set()
        self._worker_of: dict[str, str] = {}

    async def calls_of(self, event: Event) -> Sequence[Call]:
        """What tells of an event, in this order."""
        data = event.envelope.data
        match event.type:
            case "worker.registered.v1":
                self._registered.add(event.subject or "")
                return [_call(event, f"{_WORKERS}/register", data)]
            case "worker.heartbeat.v1":
                return [*await self._registration_before(event), _heartbeat(event)]
            case "session.status.v1" | "message.status.v1":
                self._note_worker(event)
                return [_call(event, f"/api/webhooks/{_WEBHOOKS[event.type]}", data)]
            case _:
                worker = await self._worker(event)
                return [_call(event, f"{_WORKERS}/{quote(worker, safe='')}/events", _notification(event))]

    def forget(self, worker: str) -> None:
        """The backend does not know this worker: it is registered before its next heartbeat."""
        self._registered.discard(worker)

    async def _registration_before(self, event: Event) -> Sequence[Call]:
        worker = event.subject or ""
        if worker in self._registered:
            return []
        known = await self._registry.registration(worker)
        if known is None:
            return []
        self._registered.add(worker)
        body = _json(known)
        return [_call_of_body(event, f"{_WORKERS}/register", body, message_id=f"{event.id}-register")]

    def _note_worker(self, event: Event) -> None:
        worker = event.envelope.data.get("workerId")
        if event.subject is not None and isinstance(worker, str):
            self._worker_of.pop(event.subject, None)
            self._worker_of[event.subject] = worker
            if len(self._worker_of) > _MOST_SESSIONS:
                del self._worker_of[next(iter(self._worker_of))]

    async def _worker(self, event: Event) -> str:
        if event.session_id is None:
            return event.subject or NOBODY
        known = self._worker_of.get(event.session_id)
        if known is None:
            known = self._worker_of[event.session_id] = await self._registry.worker_of(event.session_id) or NOBODY
        return known


def _notification(event: Event) -> Mapping[str, Any]:
    """`notifyBackend(event, sessionId, data)` of the brief, with what makes a repetition known."""
    envelope = event.envelope.model_dump(mode="json", exclude_none=True, include={"time", "sequence", "causationid"})
    named = {"timestamp": "time", "sequence": "sequence", "commandId": "causationid"}
    return {
        "event": event.type.removesuffix(".v1"),
        "eventId": event.id,
        **({} if event.session_id is None else {"sessionId": event.session_id}),
        **{ours: envelope[theirs] for ours, theirs in named.items() if theirs in envelope},
        "data": event.envelope.data,
    }


def _heartbeat(event: Event) -> Call:
    body = {name: value for name, value in event.envelope.data.items() if name != "workerId"}
    path = f"{_WORKERS}/{quote(event.subject or NOBODY, safe='')}/heartbeat"
    return Call(
        method="PUT",
        path=path,
        headers={**_HEADERS, **trace(event)},
        body=_json(body),
        message_id=event.id,
        is_fleeting=True,
    )


def _call(event: Event, path: str, body: Mapping[str, Any]) -> Call:
    return _call_of_body(event, path, _json(body), message_id=event.id)


def _call_of_body(event: Event, path: str, body: bytes, *, message_id: str) -> Call:
    return Call(path=path, headers={**_HEADERS, **trace(event)}, body=body, message_id=message_id)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
