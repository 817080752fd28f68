"""What a phone tells its companion, as real `pkmsg`: app-state keys, history, and what it is asked for. Pure."""

from collections.abc import Set as AbstractSet
from functools import partial

from gateway_worker.simulator.phone.app_state import newest_key
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
        send_peer(turn, phone, device, key_share(turn, phone))
        for chunk in history(turn, account):
            send_peer(turn, phone, device, chunk)


def answer_peer(turn: Turn, phone: Phone, device: Device, request_id: str, message: Message) -> None:
    """A companion asks its phone: for app-state keys, or for messages it could not read."""
    # Baileys wraps what it asks as a copy for own devices, others do not
    asked_for = message.deviceSentMessage.message if message.HasField("deviceSentMessage") else message
    protocol = asked_for.protocolMessage
    match protocol.type:
        case _Protocol.Type.APP_STATE_SYNC_KEY_REQUEST:
            asked = {key.keyId for key in protocol.appStateSyncKeyRequest.keyIds}
            phone.withheld_keys -= asked
            send_peer(turn, phone, device, key_share(turn, phone, asked))
        case _Protocol.Type.PEER_DATA_OPERATION_REQUEST_MESSAGE:
            request = protocol.peerDataOperationRequestMessage
            if request.placeholderMessageResendRequest:
                send_peer(turn, phone, device, _placeholders(phone, request_id, request))
        case _:
            return


def key_share(turn: Turn, phone: Phone, asked: AbstractSet[bytes] = frozenset()) -> Message:
    """The keys of the app state that the phone shares: those that are asked for, or all that it does not withhold."""
    newest_key(turn, phone)  # there is one
    ids = [id_ for id_ in phone.app_state_keys if (id_ in asked if asked else id_ not in phone.withheld_keys)]
    shared: list[Message.AppStateSyncKey] = []
    for number, id_ in enumerate(ids, start=1):
        fingerprint = Message.AppStateSyncKeyFingerprint(
            rawId=phone.account.raw_id, currentIndex=number, deviceIndexes=list(phone.account.devices)
        )
        content = Message.AppStateSyncKeyData(
            keyData=phone.app_state_keys[id_], fingerprint=fingerprint, timestamp=int(turn.now * 1000)
        )
        shared.append(Message.AppStateSyncKey(keyId=Message.AppStateSyncKeyId(keyId=id_), keyData=content))
    share = Message.AppStateSyncKeyShare(keys=shared)
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
