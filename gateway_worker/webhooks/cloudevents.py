"""Events as CloudEvents over HTTP: the whole envelope as the body, or its attributes as headers. Pure.

Source: CloudEvents' HTTP protocol binding 1.0.2, sections 3.1 (binary) and 3.2 (structured).
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway_worker.client.events import Event
from gateway_worker.webhooks.calls import Call

_STRUCTURED: Final = {"content-type": "application/cloudevents+json; charset=utf-8"}
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}(-[0-9a-f]{2,64}){3,}")
_PLAIN: Final = frozenset(map(chr, range(0x21, 0x7F))) - {'"', "%"}


class Mode(StrEnum):
    """How an event lies in a request."""

    STRUCTURED = "structured"
    BINARY = "binary"


def call_of(event: Event, mode: Mode) -> Call:
    """The request that tells of an event."""
    if mode is Mode.STRUCTURED:
        headers, body = _STRUCTURED, event.envelope.to_json()
    else:
        headers = _binary_headers(event)
        body = json.dumps(event.envelope.data, ensure_ascii=False, separators=(",", ":")).encode()
    return Call(headers={**headers, **trace(event)}, body=body, message_id=event.id)


def trace(event: Event) -> Mapping[str, str]:
    """W3C's trace context, where the event carries one."""
    traceparent, tracestate = event.envelope.traceparent, event.envelope.tracestate
    if not traceparent or not _TRACEPARENT.fullmatch(traceparent):
        return {}
    state = {"tracestate": tracestate} if tracestate and tracestate.isascii() else {}
    return {"traceparent": traceparent, **state}


def _binary_headers(event: Event) -> Mapping[str, str]:
    attributes = event.envelope.model_dump(mode="json", exclude_none=True, exclude={"data", "datacontenttype"})
    return {
        "content-type": event.envelope.datacontenttype,
        **{f"ce-{name}": header_value(value) for name, value in attributes.items()},
    }


def header_value(value: object) -> str:
    """As section 3.1.3.2 wants it: what is not printable ASCII, spaces, ``"`` and ``%`` are percent-encoded."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(each if each in _PLAIN else "".join(f"%{byte:02X}" for byte in each.encode()) for each in text)
