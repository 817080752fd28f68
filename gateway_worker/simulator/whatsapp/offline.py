"""Delivery of stanzas to devices, and the queue that keeps each one until the device has confirmed it. Pure.

A message, receipt or notification stays queued until its receipt or ack comes; what is still queued when the device
logs in again is announced by a preview, comes again with `offline=`, and `<ib><offline count/>` ends it.
"""

from collections import Counter
from functools import partial

from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.jids import SERVER
from gateway_worker.simulator.world.ledger import note_arrival, note_delivery
from gateway_worker.simulator.world.model import Connection, Device, QueueKey
from gateway_worker.simulator.world.turn import Turn

MAX_QUEUE = 10_000
"""Stanzas kept per device; above that the oldest is dropped and counted."""
KEPT_RECENT = 64
"""Messages per device that the fault `redeliver` can repeat."""


def deliver(turn: Turn, device: Device, node: Node) -> None:
    """A message, receipt or notification for a device: now if it is connected, when it comes back otherwise."""
    note_delivery(turn, device, node)
    if device.primary and device.account.primary.online:
        turn.arrivals.append((device, node))
        return
    key = _key(node)
    _enqueue(turn, device, key, node)
    connection = turn.world.connection_of(device)
    if connection is None:
        return
    if connection.behind:
        connection.backlog[key] = node
        connection.backlog_total += 1
    else:
        _hand_over(turn, device, connection, node)


def settle(turn: Turn, device: Device, key: QueueKey) -> None:
    """The device has confirmed a stanza, unless the confirmation is lost (`redeliver` at the next login)."""
    if key not in device.queue:
        return
    may_be_lost = turn.world.faults and key[0] == "message" and device.queue[key].attrs.get("category") != "peer"
    phone = device.account.phone
    if may_be_lost and strike(turn.world, turn.now, FaultKind.REDELIVER, phone, at_login=True):
        return
    del device.queue[key]


def settle_ack(turn: Turn, device: Device, ack: Node) -> None:
    """The device has confirmed what this `<ack>` names."""
    attrs = ack.attrs
    kind, id_ = attrs.get("class", ""), attrs.get("id", "")
    if kind == "receipt":
        settle(turn, device, (kind, id_, attrs.get("to", ""), attrs.get("participant", ""), attrs.get("type", "")))
    elif kind != "notification" or not turn.world.faults or not _is_lost(turn, device):
        settle(turn, device, (kind, id_))


def _is_lost(turn: Turn, device: Device) -> bool:
    """Whether the ack of a notification is lost: it comes again after the next login."""
    return strike(turn.world, turn.now, FaultKind.MUTE_ACKS, device.account.phone) is not None


def announce(turn: Turn, device: Device, connection: Connection) -> None:
    """After a login: a preview of what waits, or that nothing does."""
    connection.backlog = dict(device.queue)
    connection.backlog_total = len(device.queue)
    connection.behind = bool(device.queue)
    if not connection.behind:
        turn.send(connection.id, _offline_end(0))
        return
    counts = Counter(node.tag for node in device.queue.values())
    preview = {"count": str(len(device.queue)), "appdata": "0", "call": "0"}
    preview |= {tag: str(counts[tag]) for tag in ("message", "receipt", "notification")}
    turn.send(connection.id, Node("ib", {"from": SERVER}, [Node("offline_preview", preview)]))


def send_backlog(turn: Turn, connection: Connection, count: int | None = None) -> None:
    """The next `count` stanzas of the backlog (all by default), oldest first; the end is told once."""
    device = connection.device
    if device is None or not connection.behind:
        return
    for index, key in enumerate(list(connection.backlog)[:count]):
        node = connection.backlog.pop(key)
        again = Node(node.tag, {**node.attrs, "offline": str(min(index, 9))}, node.content)
        _hand_over(turn, device, connection, again)
    if not connection.backlog:
        connection.behind = False
        turn.send(connection.id, _offline_end(connection.backlog_total))


def redeliver(turn: Turn, device: Device, node: Node) -> None:
    """The server repeats a message it has handed over before, as it does when a confirmation was lost."""
    connection = turn.world.connection_of(device)
    if connection is None or connection.behind:
        return
    turn.world.stats.messages_redelivered += 1
    turn.world.stats.messages_delivered += 1
    note_arrival(turn, device, node)
    turn.send(connection.id, Node(node.tag, {**node.attrs, "offline": "0"}, node.content))


def confirmed(device: Device) -> list[Node]:
    """The last messages that the device has confirmed, oldest first."""
    return [node for node in device.recent if _key(node) not in device.queue]


def requeue(_turn: Turn, device: Device, nodes: list[Node]) -> None:
    """Messages that the device has confirmed wait for it again, before what is newer: their confirmation was lost."""
    before = {_key(node): node for node in nodes if _key(node) not in device.queue}
    device.queue = before | device.queue


def _enqueue(turn: Turn, device: Device, key: QueueKey, node: Node) -> None:
    queue = device.queue
    queue.pop(key, None)
    queue[key] = node
    if len(queue) > MAX_QUEUE:
        del queue[next(iter(queue))]
        turn.world.stats.queue_overflows += 1


def _hand_over(turn: Turn, device: Device, connection: Connection, node: Node) -> None:
    turn.send(connection.id, node)
    if node.tag != "message":
        return
    turn.world.stats.messages_delivered += 1
    note_arrival(turn, device, node)
    if node.attrs.get("category") == "peer":
        return
    device.recent.append(node)
    if len(device.recent) > KEPT_RECENT:
        del device.recent[0]
    world = turn.world
    if world.faults and (fault := strike(world, turn.now, FaultKind.REDELIVER, device.account.phone)):
        turn.later(fault.after, partial(redeliver, device=device, node=node))


def _offline_end(count: int) -> Node:
    return Node("ib", {"from": SERVER}, [Node("offline", {"count": str(count)})])


def _key(node: Node) -> QueueKey:
    attrs = node.attrs
    if node.tag == "receipt":
        return (node.tag, attrs["id"], attrs["from"], attrs.get("participant", ""), attrs.get("type", ""))
    return (node.tag, attrs["id"])
