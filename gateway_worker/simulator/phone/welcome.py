"""What a phone tells its companion, as real `pkmsg`: app-state keys, history, and what it is asked for. Pure."""

from functools import partial

from gateway_worker.simulator.phone.address_book import app_state_key
from gateway_worker.simulator.phone.history import history
from gateway_worker.simulator.phone.past_changes import kept_as_stored
from gateway_worker.simulator.phone.sending import send_peer
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import Message
from gateway_worker.simulator.world.model import Device, Phone
from gateway_worker.simulator.world.turn import Turn

WELCOME_DELAY = 0.05
"""Seconds after its first prekeys that a companion hears of its phone."""
MAX_RESENDS = 100
_Protocol = Message.ProtocolMessage
_Results = Message.PeerDataOperationRequestResponseMessage.PeerDataOperationResult


def welcome_soon(turn: Turn, device: Device) -> None:
    """Only now, with its prekeys, can the phone start a Signal session with its companion."""
    turn.later(WELCOME_DELAY, partial(welcome, device=device))


def welcome(turn: Turn, device: Device) -> None:
    """Keys and history for a companion that has uploaded its prekeys, if it is still linked."""
    account = device.account
    if account.devices.get(device.number) is device:
        phone = account.primary
        send_peer(turn, phone, device, _key_share(turn, phone))
        for chunk in history(turn, account):
            send_peer(turn, phone, device, chunk)


def answer_peer(turn: Turn, phone: Phone, device: Device, request_id: str, message: Message) -> None:
    """A companion asks its phone: for app-state keys, or for messages it could not read."""
    protocol = message.protocolMessage
    match protocol.type:
        case _Protocol.Type.APP_STATE_SYNC_KEY_REQUEST:
            send_peer(turn, phone, device, _key_share(turn, phone))
        case _Protocol.Type.PEER_DATA_OPERATION_REQUEST_MESSAGE:
            request = protocol.peerDataOperationRequestMessage
            if request.placeholderMessageResendRequest:
                send_peer(turn, phone, device, _placeholders(phone, request_id, request))
        case _:
            return


def _key_share(turn: Turn, phone: Phone) -> Message:
    key = app_state_key(turn, phone)
    fingerprint = Message.AppStateSyncKeyFingerprint(
        rawId=phone.account.raw_id, currentIndex=1, deviceIndexes=list(phone.account.devices)
    )
    data = Message.AppStateSyncKeyData(keyData=key.secret, fingerprint=fingerprint, timestamp=int(turn.now * 1000))
    shared = Message.AppStateSyncKey(keyId=Message.AppStateSyncKeyId(keyId=key.id), keyData=data)
    share = Message.AppStateSyncKeyShare(keys=[shared])
    return Message(protocolMessage=_Protocol(type=_Protocol.Type.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare=share))


def _placeholders(phone: Phone, request_id: str, request: Message.PeerDataOperationRequestMessage) -> Message:
    """The messages a companion asks for, as far as the phone has them."""
    results: list[_Results] = []
    for asked in request.placeholderMessageResendRequest[:MAX_RESENDS]:
        kept = phone.messages.get(asked.messageKey.id)
        if kept is not None:
            whole = kept_as_stored(kept).SerializeToString()
            answer = _Results.PlaceholderMessageResendResponse(webMessageInfoBytes=whole)
            results.append(_Results(placeholderMessageResendResponse=answer))
    response = Message.PeerDataOperationRequestResponseMessage(
        peerDataOperationRequestType=request.peerDataOperationRequestType,
        stanzaId=request_id,
        peerDataOperationResult=results,
    )
    kind = _Protocol.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE
    return Message(protocolMessage=_Protocol(type=kind, peerDataOperationRequestResponseMessage=response))
