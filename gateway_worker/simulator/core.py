"""The server without I/O: stanzas and control requests in, effects out. The shell in `server` does what they say.

Every public method is one turn: it takes the time, changes the world, and returns what is to be done, in order.
"""

from collections.abc import Callable

from gateway_worker.simulator.phone.address_book import publish_own_name
from gateway_worker.simulator.phone.calls import on_call
from gateway_worker.simulator.phone.receiving import arrive
from gateway_worker.simulator.phone.welcome import welcome_soon
from gateway_worker.simulator.whatsapp import passkeys
from gateway_worker.simulator.whatsapp.iqs import on_iq
from gateway_worker.simulator.whatsapp.login import UNAUTHORIZED, fail, on_login
from gateway_worker.simulator.whatsapp.offline import send_backlog, settle_ack
from gateway_worker.simulator.whatsapp.presence import announce, on_chatstate, on_presence
from gateway_worker.simulator.whatsapp.receipts import on_receipt
from gateway_worker.simulator.whatsapp.registration import forget_references, on_registration
from gateway_worker.simulator.whatsapp.routing import on_message
from gateway_worker.simulator.wire.errors import NodeError, PayloadError, UnsignedPreKey
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.wire.payload import Login, Registration, parse_payload
from gateway_worker.simulator.world.ids import ConnectionId
from gateway_worker.simulator.world.model import Connection, World
from gateway_worker.simulator.world.turn import Effect, Turn


class Core:
    """The server's behaviour over a `World`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def connected(self, now: float, id_: ConnectionId, *, noise_static: bytes, payload: bytes) -> list[Effect]:
        """A client has finished its handshake; `payload` says whether it registers or logs in."""
        turn = Turn(self.world, now)
        connection = self.world.connections[id_] = Connection(id=id_, noise_static=noise_static)
        self.world.stats.connections_total += 1
        try:
            match parse_payload(payload):
                case Registration() as registration:
                    on_registration(turn, connection, registration)
                case Login() as login:
                    on_login(turn, connection, login)
        except PayloadError as error:
            self.world.stats.bad_signatures += isinstance(error, UnsignedPreKey)
            self.world.stats.malformed += not isinstance(error, UnsignedPreKey)
            fail(turn, connection, UNAUTHORIZED)
        return self._end(turn)

    def received(self, now: float, id_: ConnectionId, node: Node) -> list[Effect]:
        """A stanza from a client."""
        connection = self.world.connections.get(id_)
        if connection is None:
            return []
        turn = Turn(self.world, now)
        try:
            _dispatch(turn, connection, node)
        except NodeError:
            self.world.stats.malformed += 1
        return self._end(turn)

    def disconnected(self, now: float, id_: ConnectionId) -> list[Effect]:
        """A connection is gone. What its device has not confirmed comes again at its next login."""
        turn = Turn(self.world, now)
        connection = self.world.connections.pop(id_, None)
        if connection is None:
            return []
        forget_references(turn, connection)
        passkeys.end(connection)
        codes = self.world.link_codes
        for phone in [phone for phone, code in codes.items() if code.connection == id_]:
            del codes[phone]
        device = connection.device
        if device is not None and device.connection == id_:
            device.connection = None
            if device.available:
                device.available = False
                announce(turn, device.account)
        return self._end(turn)

    def act(self, now: float, action: Callable[[Turn], object]) -> list[Effect]:
        """A timer's turn, or a control request's. Errors of the request come out as they are."""
        turn = Turn(self.world, now)
        action(turn)
        return self._end(turn)

    @staticmethod
    def _end(turn: Turn) -> list[Effect]:
        """Lets the phones do what follows for them: they read what came, which may lead to more for others."""
        for account in turn.linking:
            publish_own_name(turn, account)
        for device in turn.newly_linked:
            welcome_soon(turn, device)
        for device, node in turn.arrivals:  # grows while it is read
            arrive(turn, device, node)
        return turn.effects


def _dispatch(turn: Turn, connection: Connection, node: Node) -> None:
    if node.tag == "iq":
        on_iq(turn, connection, node)
        return
    device = connection.device
    if device is None:  # before login there are only queries (and `unified_session`, which nobody needs)
        if node.tag == "ack":
            passkeys.on_ack(connection, node)
        return
    if handler := _HANDLERS.get(node.tag):
        handler(turn, connection, node)
    elif node.tag == "ack":
        settle_ack(turn, device, node)
        turn.world.stats.refused_by_clients += "error" in node.attrs
    elif node.tag == "ib" and (batch := node.child("offline_batch")):
        count = batch.attrs.get("count", "")
        send_backlog(turn, connection, int(count) if count.isdigit() else None)


_HANDLERS: dict[str, Callable[[Turn, Connection, Node], None]] = {
    "call": on_call,
    "chatstate": on_chatstate,
    "message": on_message,
    "presence": on_presence,
    "receipt": on_receipt,
}
