"""From a call to the write that stores it with its event. Pure."""

from datetime import datetime
from typing import Final

from gateway_worker.connections.base.times import instant
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.whatsapp.facts import CallArrived
from schemas.events.contacts import Caller, CallReceived
from schemas.events.events import CALL_RECEIVED
from schemas.names import MessageId, SessionId

CALL_KIND: Final = "call"


def call_arrival(session_id: SessionId, call: CallArrived, now: datetime) -> ReceiveMessage:
    """What makes it durable, once: it is kept beside the messages of its chat, as a kind of its own."""
    at = instant(call.timestamp, now)
    event = CallReceived(
        session_id=session_id,
        call_id=call.call_id,
        caller=Caller(jid=call.jid, lid=call.lid, phone=call.phone),
        video=call.video,
        group=call.group,
        rejected=call.rejected,
        timestamp=at,
    )
    return ReceiveMessage(
        message_id=MessageId(f"call:{call.call_id}"),  # no message has such an id
        chat=call.group or call.jid,
        chats=frozenset(each for each in (call.group or call.lid,) if each),
        sender=call.jid,
        senders=frozenset(each for each in (call.lid,) if each),
        from_me=False,
        kind=CALL_KIND,
        content={"kind": CALL_KIND, "callId": call.call_id, "video": call.video},
        timestamp=at,
        event_type=CALL_RECEIVED.type,
        event=event.to_data(),
    )
