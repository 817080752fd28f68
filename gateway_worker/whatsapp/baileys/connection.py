"""One open connection: the port's calls to the bridge, the bridge's questions to the owner."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from gateway_worker.whatsapp.app_state import StateChange
from gateway_worker.whatsapp.baileys.batches import MAX_BATCH, MAX_WEIGHT, go_together, together, weight_of
from gateway_worker.whatsapp.baileys.channel import calls, questions
from gateway_worker.whatsapp.baileys.channel.calls import A, Method, V
from gateway_worker.whatsapp.baileys.channel.channel import Channel, Request
from gateway_worker.whatsapp.baileys.channel.decoding import Reader
from gateway_worker.whatsapp.baileys.channel.errors import CallFailed, ChannelLost
from gateway_worker.whatsapp.baileys.channel.frames import FrameError, how_many_fit
from gateway_worker.whatsapp.baileys.codec.attachments import media_of, remote_file_of
from gateway_worker.whatsapp.baileys.codec.codec import error_of, outgoing_args
from gateway_worker.whatsapp.baileys.codec.commits import changes_of
from gateway_worker.whatsapp.baileys.codec.history import history_of
from gateway_worker.whatsapp.baileys.codec.messages import entry_key_of, framed_entry_key
from gateway_worker.whatsapp.baileys.codec.state import state_args
from gateway_worker.whatsapp.baileys.groups import BaileysGroups
from gateway_worker.whatsapp.baileys.own_account import BaileysOwnAccount
from gateway_worker.whatsapp.baileys.phone_files import PhoneFiles, phone_file_of
from gateway_worker.whatsapp.baileys.reading import Unread, taken_up
from gateway_worker.whatsapp.errors import NotConnected, OutcomeUnknown
from gateway_worker.whatsapp.facts import Cause, Disconnected, Fact
from gateway_worker.whatsapp.files import FileClass, FileReference, reference_of
from gateway_worker.whatsapp.incoming import StoredOriginal
from gateway_worker.whatsapp.outgoing import Acknowledged, MessageRef, OutgoingMessage
from gateway_worker.whatsapp.people import ContactCheck, Picture, PresenceState
from gateway_worker.whatsapp.port import Owner
from gateway_worker.whatsapp.remote_files import FileRequest, RemoteFile
from schemas.content.content import Media

_LAST_WRITES: Final = 30.0
_UPLOAD_SILENCE_MS: Final = 30_000
_log = structlog.get_logger(__name__)
_read_keys: Final = Reader(questions.KeysArguments)
_read_entry_key: Final = Reader(questions.EntryKey)
_read_sent: Final = Reader(questions.SentArguments)
_read_originals: Final = Reader(questions.OriginalsArguments)

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Starts a task in the engine's task group."""


class BaileysConnection:
    """Implements `port.Connection`. Facts are told one at a time and in order; keys are loaded and stored meanwhile."""

    def __init__(
        self,
        *,
        number: int,
        channel: Channel,
        owner: Owner,
        history: PhoneFiles,
        spawn: Spawn,
        on_end: Callable[[], None],
    ) -> None:
        self._number = number
        self._channel = channel
        self._owner = owner
        self._history = history
        self._spawn = spawn
        self._on_end = on_end
        self._facts: deque[tuple[Fact | Unread, Request | None]] = deque()
        self._work: set[asyncio.Task[None]] = set()
        self._fetching: set[asyncio.Task[None]] = set()
        self._notifying: asyncio.Task[None] | None = None
        self._ended = False
        self.over = asyncio.Event()
        self.groups = BaileysGroups(self._call, self._call_once)
        self.own = BaileysOwnAccount(self._call)

    async def send(self, message: OutgoingMessage) -> Acknowledged:
        """Send; returns when WhatsApp's server acknowledged it, never earlier."""
        args, blobs = outgoing_args(message)
        self._must_be_open()
        try:
            answer = await self._channel.call(calls.SEND.name, self._number, args, blobs=blobs)
        except ChannelLost as error:
            raise OutcomeUnknown("the bridge died") from error
        except CallFailed as failure:
            raise error_of(failure) from failure
        payload: calls.Acknowledgement = answer.head["v"]
        return Acknowledged(timestamp=int(payload["timestamp"]), wire_seconds=payload["wire_ms"] / 1000)

    async def upload(self, path: Path, file_class: FileClass) -> FileReference:
        """Encrypt the file at `path` (beside it, under the same name with another ending) and upload it."""
        args: calls.UploadArguments = {
            "path": str(path),
            "file_class": file_class.value,
            "patience": _UPLOAD_SILENCE_MS,
        }
        return reference_of(await self._call(calls.UPLOAD, args))

    async def holds(self, reference: FileReference) -> bool:
        """Whether WhatsApp's media host still gives out what was uploaded there."""
        return await self._call(calls.HOLDS, reference.url)

    async def ask_for_file(self, request: FileRequest) -> str:
        """Have the file of a message put at WhatsApp again; answers its new path. A phone that is off never answers."""
        args: calls.FileRequest = {
            "message_id": request.message_id,
            "chat": request.chat,
            "participant": request.participant,
            "from_me": request.from_me,
            "media_key": request.media_key.hex(),
        }
        return await self._call(calls.ASK_FOR_FILE, args)

    async def file_in(self, plaintext: bytes) -> tuple[RemoteFile, Media] | None:
        """The file of a serialised WAProto `Message` and what is said of it; None when there is none."""
        attachment = await self._call(calls.FILE_IN, None, [plaintext])
        file = remote_file_of({"media": attachment})
        return None if file is None or attachment is None else (file, media_of(attachment))

    async def mark_read(self, messages: Sequence[MessageRef]) -> None:
        """Send read receipts."""
        await self._call(
            calls.MARK_READ,
            [{"message_id": m.message_id, "chat": m.chat, "participant": m.participant} for m in messages],
        )

    async def send_presence(self, to: str, state: PresenceState) -> None:
        """Tell a chat (or, for available / unavailable, everyone) what we do."""
        await self._call(calls.PRESENCE, {"to": to, "state": state.value})

    async def check_contacts(self, phones: Sequence[str]) -> Sequence[ContactCheck]:
        """Which of these E.164 numbers are on WhatsApp."""
        answer = await self._call(calls.CHECK, list(phones))
        return [
            ContactCheck(phone=found["phone"], exists=found["exists"], jid=found["jid"], lid=found["lid"])
            for found in answer
        ]

    async def get_picture(self, jid: str, *, preview: bool) -> Picture:
        """The picture of a person or a group. Raises RecipientUnknown, and Refused for what WhatsApp does not like."""
        found = await self._call(calls.PICTURE, {"jid": jid, "preview": preview})
        return Picture(id=found["id"], url=found["url"], hidden=found["state"] == "hidden")

    async def subscribe_presence(self, jid: str) -> None:
        """Have `PresenceChanged` told of a person, as long as this connection lives."""
        await self._call(calls.SUBSCRIBE, jid)

    async def prove(self, assertion: Mapping[str, Any]) -> None:
        """Hand over the person's passkey assertion; returns when WhatsApp has taken it."""
        signed = json.dumps(assertion, separators=(",", ":"))
        await self._call(calls.PROVE, {"assertion": signed, "credential_id": assertion["rawId"]})

    async def confirm_code(self, *, same: bool) -> None:
        """Say whether the phone shows the code of `PasskeyCode`. Raises as `prove`."""
        await self._call(calls.CONFIRM_CODE, same)

    async def change_state(self, changes: Sequence[StateChange]) -> None:
        """Changes the app state; returns when WhatsApp has it, and the owner has stored it."""
        await self._call(calls.CHANGE_STATE, [state_args(change) for change in changes])

    async def logout(self) -> None:
        """Unlink this device at WhatsApp; the connection ends with `Cause.LOGGED_OUT` or `REQUESTED`."""
        await self._end(calls.LOGOUT)

    async def close(self) -> None:
        """Close the socket; `Disconnected(REQUESTED)` is told before this returns."""
        await self._end(calls.CLOSE)

    async def _end(self, method: Method[None, None]) -> None:
        if not self._ended:
            with suppress(NotConnected):  # it ended meanwhile
                await self._call(method, None)
        await self.over.wait()

    async def _call(self, method: Method[A, V], args: A, blobs: Sequence[bytes] = ()) -> V:
        self._must_be_open()
        try:
            return (await self._channel.call(method.name, self._number, args, blobs=blobs)).head["v"]
        except ChannelLost as error:
            raise NotConnected("the bridge died") from error
        except CallFailed as failure:
            raise error_of(failure) from failure

    async def _call_once(self, method: Method[A, V], args: A) -> V:
        """As `_call`, for what must not be repeated: what was under way as the connection ended may have been done."""
        self._must_be_open()
        try:
            return (await self._channel.call(method.name, self._number, args)).head["v"]
        except ChannelLost as error:
            raise OutcomeUnknown("the bridge died") from error
        except CallFailed as failure:
            raise OutcomeUnknown("the connection ended") if failure.abandoned else error_of(failure) from failure

    def _must_be_open(self) -> None:
        if self._ended:
            raise NotConnected("the connection is over")

    def serve(self, request: Request) -> None:
        """Take a call of the bridge's about this connection."""
        if request.method == questions.NOTIFY.name:
            self._take(taken_up(request.args), request)
            return
        if request.method == questions.FETCH_FILE.name:
            tasks, task = self._fetching, self._spawn(self._fetch(request))
        else:
            tasks, task = self._work, self._spawn(self._answer(request))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def lose(self) -> None:
        """The bridge is gone."""
        if not self._ended:
            self._take(Disconnected(cause=Cause.BRIDGE_DIED), None)

    def _take(self, fact: Fact | Unread, request: Request | None) -> None:
        if self._ended:
            return
        if isinstance(fact, Disconnected):
            self._ended = True
            if fact.cause is Cause.STORE_FAILED and fact.detail:
                _log.error("bridge.could_not_write", reason=fact.detail)
            for task in self._fetching:
                task.cancel()
        self._facts.append((fact, request))
        if self._notifying is None:
            self._notifying = self._spawn(self._notify())

    async def _notify(self) -> None:
        """Tell what waits, until nothing does."""
        while self._facts:
            taken, requests = self._next()
            fact = await taken.read() if isinstance(taken, Unread) else taken
            if isinstance(fact, Disconnected):
                await self._finish()
            try:
                await self._owner.notify(fact)
            except Exception as error:  # noqa: BLE001 (the owner is not ours: whatever it raises ends the connection)
                _log.error("owner.refused_a_fact", fact=type(fact).__name__, error=type(error).__name__)
                for request in requests:
                    request.refuse("store_refused")
            else:
                for request in requests:
                    request.answer()
            if isinstance(fact, Disconnected):
                self.over.set()
        self._notifying = None

    def _next(self) -> tuple[Fact | Unread, list[Request]]:
        """The next fact, with those behind it that can be stored with it."""
        fact, request = self._facts.popleft()
        requests = [request]
        if not isinstance(fact, Unread):
            facts, weight = [fact], weight_of(fact)
            while self._facts and len(facts) < MAX_BATCH:
                following = self._facts[0][0]
                if isinstance(following, Unread) or not go_together(fact, following):
                    break
                weight += weight_of(following)
                if weight > MAX_WEIGHT:
                    break
                facts.append(following)
                requests.append(self._facts.popleft()[1])
            fact = together(facts)
        return fact, [each for each in requests if each is not None]

    async def _finish(self) -> None:
        """Nobody may open this session again while a write of this connection is still on its way."""
        self._channel.abandon(self._number)
        if self._work:
            _, late = await asyncio.wait(self._work, timeout=_LAST_WRITES)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._on_end()

    async def _fetch(self, request: Request) -> None:
        """Fetch what the phone has put there; nothing of it is worth waiting for once the connection is over."""
        try:
            _answer_blob(request, await self._history.fetch(phone_file_of(request.args)))
        except asyncio.CancelledError:
            request.refuse("not_connected")
            raise

    async def _answer(self, request: Request) -> None:
        """Answer a question; whatever the owner raises refuses it, and the bridge ends the connection."""
        try:
            await self._ask_owner(request)
        except Exception as error:  # noqa: BLE001 (the owner is not ours: whatever it raises ends the connection)
            _log.warning(
                "owner.refused_a_call",
                method=request.method,
                error=type(error).__name__,
                reason=str(error) if isinstance(error, FrameError) else None,
            )
            request.refuse("store_refused")

    async def _ask_owner(self, request: Request) -> None:
        owner, args = self._owner, request.args
        match request.method:
            case questions.COMMIT.name:
                await owner.commit(await changes_of(args, request.blobs))
                request.answer()
            case questions.HISTORY.name:
                await owner.store_history(await history_of(args, request.blobs))
                request.answer()
            case questions.LOAD_KEYS.name:
                keys = _read_keys.read(args)
                _answer_keys(request, await owner.load_keys(keys["kind"], keys["ids"]))
            case questions.LOAD_ENTRY.name:
                _answer_blob(request, await owner.load_entry(entry_key_of(_read_entry_key.read(args))))
            case questions.BEGIN.name:
                request.answer(await owner.begin(args))
            case questions.LOAD_UNPROCESSED.name:
                entries = await owner.load_unprocessed()
                plaintexts = [each.plaintext for each in entries]
                # The bridge asks for those that do not fit, one by one
                fitting = plaintexts[: how_many_fit(map(len, plaintexts))]
                request.answer([framed_entry_key(each.key) for each in entries], fitting)
            case questions.LOAD_SENT.name:
                asked = _read_sent.read(args)
                sent = await owner.load_sent(asked["message_id"], chat=asked["chat"])
                if sent is None:
                    request.answer(None)
                else:
                    request.answer({"edited": sent.edited}, [sent.plaintext])
            case questions.LOAD_ORIGINALS.name:
                about = _read_originals.read(args)
                chat, author = about["chat"], about["author"]
                _answer_originals(request, await owner.load_originals(about["message_id"], chat=chat, author=author))
            case other:
                raise ValueError(f"the bridge asked for {other!r}")


def _answer_keys(request: Request, found: Mapping[str, bytes]) -> None:
    """Answer as many keys as fit into a frame, and which others there are: the bridge asks for these again."""
    ids, values = list(found), list(found.values())
    count = how_many_fit(map(len, values))
    request.answer({"found": ids[:count], "rest": ids[count:]}, values[:count])


def _answer_originals(request: Request, found: Sequence[StoredOriginal]) -> None:
    """Answer as many as fit into a frame, the likeliest first."""
    fitting = found[: how_many_fit([len(each.plaintext) for each in found])]
    payload = [
        {"authors": list(each.authors), "from_me": each.from_me, "options": list(each.options)} for each in fitting
    ]
    request.answer(payload, [each.plaintext for each in fitting])


def _answer_blob(request: Request, blob: bytes | None) -> None:
    request.answer(blob is not None, [] if blob is None else [blob])
