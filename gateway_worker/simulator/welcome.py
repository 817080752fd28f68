"""What a phone tells its companion, as real `pkmsg`: app-state keys, history, and what it is asked for. Pure."""

import zlib

from gateway_worker.simulator.effects import Turn
from gateway_worker.simulator.model import Account, Device
from gateway_worker.simulator.phones import Phone
from gateway_worker.simulator.sending import send_peer
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import (
    HistorySync,
    Message,
    MessageKey,
    PhoneNumberToLIDMapping,
    Pushname,
    WebMessageInfo,
)

MAX_CONTACTS = 1_000
MAX_RESENDS = 100
_Protocol = Message.ProtocolMessage
_Results = Message.PeerDataOperationRequestResponseMessage.PeerDataOperationResult


def welcome(turn: Turn, device: Device) -> None:
    """Keys and history for a companion that has uploaded its prekeys, if it is still linked."""
    account = device.account
    if account.devices.get(device.number) is device:
        phone = account.primary
        send_peer(turn, phone, device, _key_share(turn, phone))
        send_peer(turn, phone, device, _history(turn, account))


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
    if phone.app_state_key is None:
        phone.app_state_key = (b"\x00\x00" + turn.world.entropy(4), turn.world.entropy(32))
    id_, secret = phone.app_state_key
    fingerprint = Message.AppStateSyncKeyFingerprint(
        rawId=phone.account.raw_id, currentIndex=1, deviceIndexes=list(phone.account.devices)
    )
    data = Message.AppStateSyncKeyData(keyData=secret, fingerprint=fingerprint, timestamp=int(turn.now * 1000))
    key = Message.AppStateSyncKey(keyId=Message.AppStateSyncKeyId(keyId=id_), keyData=data)
    share = Message.AppStateSyncKeyShare(keys=[key])
    return Message(protocolMessage=_Protocol(type=_Protocol.Type.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare=share))


def _history(turn: Turn, account: Account) -> Message:
    """The first piece of history, inline: names and LIDs of the people this phone has messages with."""
    users = {kept.chat for kept in account.primary.messages.values()}
    known = [found for jid in list(users)[:MAX_CONTACTS] if (found := turn.world.find(jid)[0]) is not None]
    people = [account, *(person for person in known if person is not account)]
    history = HistorySync(
        syncType=HistorySync.HistorySyncType.INITIAL_BOOTSTRAP,
        chunkOrder=1,
        progress=100,
        pushnames=[Pushname(id=person.pn_jid, pushname=person.name) for person in people],
        phoneNumberToLidMappings=[
            PhoneNumberToLIDMapping(pnJid=person.pn_jid, lidJid=person.lid_jid) for person in people
        ],
    )
    notification = Message.HistorySyncNotification(
        syncType=Message.HistorySyncType.INITIAL_BOOTSTRAP,
        chunkOrder=1,
        progress=100,
        initialHistBootstrapInlinePayload=zlib.compress(history.SerializeToString()),
    )
    kind = _Protocol.Type.HISTORY_SYNC_NOTIFICATION
    return Message(protocolMessage=_Protocol(type=kind, historySyncNotification=notification))


def _placeholders(phone: Phone, request_id: str, request: Message.PeerDataOperationRequestMessage) -> Message:
    """The messages a companion asks for, as far as the phone has them."""
    results: list[_Results] = []
    for asked in request.placeholderMessageResendRequest[:MAX_RESENDS]:
        kept = phone.messages.get(asked.messageKey.id)
        if kept is not None:
            key = MessageKey(remoteJid=kept.chat, fromMe=kept.own, id=kept.message_id)
            whole = WebMessageInfo(key=key, message=kept.message, messageTimestamp=int(kept.timestamp))
            answer = _Results.PlaceholderMessageResendResponse(webMessageInfoBytes=whole.SerializeToString())
            results.append(_Results(placeholderMessageResendResponse=answer))
    response = Message.PeerDataOperationRequestResponseMessage(
        peerDataOperationRequestType=request.peerDataOperationRequestType,
        stanzaId=request_id,
        peerDataOperationResult=results,
    )
    kind = _Protocol.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE
    return Message(protocolMessage=_Protocol(type=kind, peerDataOperationRequestResponseMessage=response))
