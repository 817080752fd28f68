"""A phone and the media host: it uploads what it sends, checks what it is sent, uploads again on request. Pure."""

import hashlib
from functools import partial

from gateway_worker.simulator.content.files import FilePart, file_part
from gateway_worker.simulator.content.shapes import Uploaded
from gateway_worker.simulator.phone.phone import LATENCY
from gateway_worker.simulator.whatsapp.offline import deliver
from gateway_worker.simulator.wire.errors import MediaError, NodeError
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import MediaRetryNotification, Message
from gateway_worker.simulator.wire.media import KEY_SIZE, MediaKind, read_retry_request, retry_answer, seal, unseal
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.faults import strike
from gateway_worker.simulator.world.media import fetch, mention, store
from gateway_worker.simulator.world.model import Device, Phone, World
from gateway_worker.simulator.world.phone_records import FetchedFile
from gateway_worker.simulator.world.turn import Turn

_NOT_FOUND = str(MediaRetryNotification.ResultType.NOT_FOUND)


def upload(file: bytes, kind: MediaKind, *, turn: Turn, phone: Phone, chat: str) -> Uploaded:
    """Puts a file that the phone is about to send to a chat on the media host."""
    media_key = turn.world.entropy(KEY_SIZE)
    sealed = seal(file, media_key=media_key, kind=kind)
    recipient, _ = turn.world.find(chat)
    people = frozenset({phone.account.phone} | ({recipient.phone} if recipient else set()))
    direct_path = store(turn, sealed.blob, people)
    return Uploaded(
        url=f"https://{turn.world.media_authority}{direct_path}",
        direct_path=direct_path,
        media_key=media_key,
        sha256=sealed.sha256,
        blob_sha256=sealed.blob_sha256,
        size=len(file),
        timestamp=int(turn.now),
    )


def read_file(world: World, message: Message) -> bytes | None:
    """The decrypted file of a message; None if it has none. `MediaError` if it is not what the message says."""
    found = file_part(message)
    if found is None:
        return None
    part, blob = found.part, fetch(world, found.part.directPath)
    if blob is None:
        raise MediaError("nothing lies where the message says")
    file = unseal(
        blob, media_key=part.mediaKey, kind=found.kind, sha256=part.fileSha256, blob_sha256=part.fileEncSha256
    )
    if part.fileLength != len(file):
        raise MediaError("the file has another length than its message says")
    return file


def fetch_file(turn: Turn, phone: Phone, message: Message) -> FetchedFile | None:
    """What the phone finds when it fetches the file of a message that it was sent; None if it has none."""
    try:
        file = read_file(turn.world, message)
    except MediaError as error:
        turn.world.stats.media_failures += 1
        return FetchedFile(error=str(error))
    if file is None:
        return None
    if (found := file_part(message)) is not None:
        mention(turn.world, found.part.directPath, phone.account.phone)
    return FetchedFile(size=len(file), sha256=hashlib.sha256(file).hexdigest())


def on_upload_request(turn: Turn, phone: Phone, receipt: Node) -> None:
    """A companion asks its phone to upload a file again; it answers a moment later."""
    device = turn.world.device(receipt.attrs["from"])
    if device is not None:
        turn.later(LATENCY, partial(_upload_again, phone=phone, device=device, receipt=receipt))


def _upload_again(turn: Turn, phone: Phone, device: Device, receipt: Node) -> None:
    message_id, asked = receipt.attrs["id"], receipt.child("rmr")
    kept = phone.messages.get(message_id)
    found = file_part(kept.message) if kept else None
    try:
        content = _answer(turn, phone, found, receipt)
    except (MediaError, NodeError):
        content = [Node("error", {"code": _NOT_FOUND})]
    about = Node(
        "rmr", asked.attrs if asked else {"jid": kept.chat if kept else phone.account.pn_jid, "from_me": "false"}
    )
    attrs = {"from": phone.account.pn_jid, "type": "mediaretry", "id": message_id, "t": turn.t}
    deliver(turn, device, Node("notification", attrs, [*content, about]))


def _answer(turn: Turn, phone: Phone, found: FilePart | None, receipt: Node) -> list[Node]:
    """The new place of the file; `MediaError` if the phone cannot or will not say."""
    if found is None or strike(turn.world, turn.now, FaultKind.MEDIA_LOST, phone.account.phone):
        raise MediaError("the phone does not have that file")
    blob = fetch(turn.world, found.part.directPath)
    if blob is None:
        raise MediaError("the phone does not have that file any more")
    message_id, request = receipt.attrs["id"], receipt.need("encrypt")
    ciphertext, iv = request.need("enc_p").data, request.need("enc_iv").data
    read_retry_request(ciphertext, media_key=found.part.mediaKey, iv=iv, message_id=message_id)
    direct_path = store(turn, blob, frozenset({phone.account.phone}), safe=True)
    turn.world.stats.media_reuploads += 1
    fresh = turn.world.entropy(12)
    answer = retry_answer(direct_path=direct_path, media_key=found.part.mediaKey, iv=fresh, message_id=message_id)
    return [Node("encrypt", {}, [Node("enc_p", {}, answer), Node("enc_iv", {}, fresh)])]
