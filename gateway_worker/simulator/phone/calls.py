"""Calls, as far as they can be seen without a voice: somebody rings, others decline, somebody hangs up. Pure."""

from gateway_worker.simulator.errors import Conflict, NotFound
from gateway_worker.simulator.phone.phone import require_online
from gateway_worker.simulator.whatsapp.blocking import has_blocked
from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.jids import SERVER
from gateway_worker.simulator.world.model import Account, Connection, Phone
from gateway_worker.simulator.world.phone_records import Call
from gateway_worker.simulator.world.turn import Turn

RINGING, REJECTED, ENDED = "ringing", "rejected", "ended"
MAX_CALLS = 1_000


def ring(turn: Turn, phone: Phone, to: str, *, video: bool) -> Call:
    """The person calls another (bare JID): all devices there ring."""
    require_online(phone)
    callee, jid = turn.world.find(to)
    if callee is None or callee is phone.account:
        raise NotFound("recipient.unknown", "nobody else has that number or JID")
    call = Call(call_id=turn.token(16), to=to, video=video, state=RINGING, timestamp=turn.now)
    phone.calls[call.call_id] = call
    if len(phone.calls) > MAX_CALLS:
        del phone.calls[next(iter(phone.calls))]
    media = [Node("audio", {"enc": "opus", "rate": "16000"}), *([Node("video", {"enc": "vp8"})] if video else [])]
    creator = {"call-creator": phone.account.jid(jid.server), "caller_pn": phone.account.pn_jid}
    _notify(turn, phone.account, callee, jid.server, Node("offer", {"call-id": call.call_id} | creator, media))
    return call


def hang_up(turn: Turn, phone: Phone, call_id: str) -> Call:
    """The person gives up. `Conflict` if the call is over already."""
    call = phone.calls.get(call_id)
    if call is None:
        raise NotFound("call.not_found", "the phone made no such call")
    if call.state != RINGING:
        raise Conflict("call.over", "the call is over")
    call.state = ENDED
    _terminate(turn, phone.account, call, "timeout")
    return call


def on_call(turn: Turn, connection: Connection, node: Node) -> None:
    """A companion says something of a call; that it declines ends it for everybody."""
    device = connection.device
    assert device is not None
    attrs = {"class": "call", "id": node.attr("id"), "from": node.attrs.get("to", SERVER), "t": turn.t}
    turn.send(connection.id, Node("ack", attrs))
    reject = node.child("reject")
    caller = turn.world.find(node.attrs.get("to", ""))[0]
    call = caller.primary.calls.get(reject.attrs.get("call-id", "")) if caller and reject else None
    if caller is not None and call is not None and call.state == RINGING:
        call.state = REJECTED
        _terminate(turn, caller, call, "rejected_elsewhere")


def _terminate(turn: Turn, caller: Account, call: Call, reason: str) -> None:
    callee, jid = turn.world.find(call.to)
    if callee is not None:
        creator = {"call-creator": caller.jid(jid.server), "reason": reason}
        _notify(turn, caller, callee, jid.server, Node("terminate", {"call-id": call.call_id} | creator))


def _notify(turn: Turn, caller: Account, callee: Account, server: str, change: Node) -> None:
    if has_blocked(callee, caller):
        return
    attrs = {"from": caller.jid(server), "t": turn.t, "notify": caller.name}
    for device in callee.companions:
        deliver(turn, device, Node("call", attrs | {"id": turn.token()}, [change]))
