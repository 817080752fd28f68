"""From a call to the write that stores it with its event. Pure."""

from datetime import datetime
from typing import Final

from gateway_worker.connections.base.times import instant
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.whatsapp import facts
from gateway_worker.whatsapp.facts import CallArrived
from schemas.events.contacts import CallEnded, Caller, CallOutcome, CallReceived
from schemas.events.events import CALL_ENDED, CALL_RECEIVED
from schemas.names import MessageId, SessionId

CALL_KIND: Final = "call"


def call_name(call_id: str) -> MessageId:
    """Under which id a call is kept; no message has such an id."""
    return MessageId(f"call:{call_id}")


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
        message_id=call_name(call.call_id),
        chat=call.group or call.jid,
        chats=frozenset(each for each in (call.group or call.lid,) if each),
        sender=call.jid,
        senders=frozenset(each for each in (call.lid,) if each),
        from_me=False,
        kind=CALL_KIND,
        content={"kind": CALL_KIND, "callId": call.call_id, "video": call.video, "creator": call.creator or call.jid},
        timestamp=at,
        event_type=CALL_RECEIVED.type,
        event=event.to_data(),
    )


def call_end(session_id: SessionId, call: facts.CallEnded, now: datetime) -> ReceiveMessage:
    """What makes its end durable, once, whoever tells it first."""
    at = instant(call.timestamp, now)
    event = CallEnded(
        session_id=session_id,
        call_id=call.call_id,
        caller=Caller(jid=call.jid, lid=call.lid, phone=call.phone),
        group=call.group,
        outcome=call.outcome,
        missed=call.outcome is CallOutcome.MISSED,
        seconds=call.seconds,
        timestamp=at,
    )
    return ReceiveMessage(
        message_id=MessageId(f"call-end:{call.call_id}"),
        chat=call.group or call.jid,
        chats=frozenset(each for each in (call.group or call.lid,) if each),
        sender=call.jid,
        senders=frozenset(each for each in (call.lid,) if each),
        from_me=False,
        kind=CALL_KIND,
        content={"kind": CALL_KIND, "callId": call.call_id, "outcome": call.outcome.value},
        timestamp=at,
        event_type=CALL_ENDED.type,
        event=event.to_data(),
    )
