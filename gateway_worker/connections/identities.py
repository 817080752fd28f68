"""Which LID is which number: the people of one session, in memory, as its keys say it.

The keys are the truth: they are stored with what taught them, travel in snapshots, and are read at each
take-over. A person has one chat and one lane, whichever name a command or a message uses.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway_worker.connections.arrivals import Arrived
from gateway_worker.connections.mentions import by_number
from gateway_worker.connections.storage import Keys
from gateway_worker.whatsapp.incoming import ReceivedChange, ReceivedMessage, TimerChanged
from gateway_worker.whatsapp.incoming_changes import Edited
from gateway_worker.whatsapp.port import KeyId
from schemas.addresses import LID_SERVER, USER_SERVER, Jid, phone_of, spellings
from schemas.content import Content
from schemas.names import SessionId

MAX_PEOPLE: Final = 20_000  # of one session; a person beyond them has two chats until it is heard of again


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingForm:
    """How an engine keeps its mappings among its keys: see `whatsapp.baileys.identity`.

    Attributes:
        kind: of the keys.
        id_of: the id of the key that says whose a LID (JID) is.
        read: from keys, by id, to LID → PN (JIDs).
    """

    kind: str
    id_of: Callable[[str], str]
    read: Callable[[Mapping[str, bytes]], Mapping[str, str]]

    def among(self, keys: Mapping[KeyId, bytes | None]) -> Mapping[str, str]:
        """The mappings among keys that are just written."""
        found = {key_id: value for (kind, key_id), value in keys.items() if kind == self.kind and value is not None}
        return self.read(found) if found else {}


class Identities:
    """The people of one session."""

    def __init__(self, form: MappingForm) -> None:
        self._form = form
        self._pn_of: dict[str, Jid] = {}
        self._lid_of: dict[str, str] = {}

    async def load(self, session_id: SessionId, keys: Keys) -> None:
        """Read what is known; for a session that was just taken over."""
        self.learn(self._form.read(await keys.of_kind(session_id, self._form.kind, MAX_PEOPLE)))

    def learn(self, pn_of_lid: Mapping[str, str]) -> None:
        """More is known, and stored. Those who were learnt first are forgotten first."""
        for lid, pn in pn_of_lid.items():
            self._pn_of[lid], self._lid_of[pn] = Jid(pn), lid
        while len(self._pn_of) > MAX_PEOPLE:
            lid = next(iter(self._pn_of))
            self._lid_of.pop(self._pn_of.pop(lid), None)

    def chat_of(self, jid: Jid) -> Jid:
        """The one name of a chat: the PN of a person, where it is known."""
        return self._pn_of.get(jid, jid)

    def may_be_one(self, chat: Jid, other: Jid) -> bool:
        """Whether two names can be of one chat, as far as is known: a LID that nobody knows may be anybody's."""
        one, two = self.chat_of(chat), self.chat_of(other)
        return two in spellings(one) or {each.rpartition("@")[2] for each in (one, two)} == {USER_SERVER, LID_SERVER}

    def all_names(self, jid: str) -> frozenset[str]:
        """Every JID that is known of a person, or of the chat with that person; whatever else has but one."""
        known, pn, lid = spellings(jid), self._pn_of.get(jid), self._lid_of.get(jid)
        if pn is not None:
            known |= spellings(pn)
        return known if lid is None else known | {lid}

    def names_of(self, jid: str, lid: str | None, phone: str | None) -> tuple[str | None, str | None]:
        """LID and number of a person, from what is told of it and what is known."""
        pn = self._pn_of.get(lid or jid)
        return lid or self._lid_of.get(pn or jid), phone or (None if pn is None else phone_of(pn))

    def lid_of(self, jid: str) -> str | None:
        """The LID of a person named by the number, where it is known."""
        return self._lid_of.get(jid)

    def by_number(self, content: Content, mentions: Collection[str]) -> Content:
        """A content whose text names the mentioned by number, where that is known."""
        return by_number(content, self._pn_of, frozenset(mentions))

    def completed(self, arrived: Arrived) -> Arrived:
        """A message with all that is known of who wrote it and where."""
        sender = arrived.sender
        lid, phone = self.names_of(sender.jid, sender.lid, sender.phone)
        if (lid, phone) != (sender.lid, sender.phone):
            arrived = replace(arrived, sender=replace(sender, lid=lid, phone=phone))
        match arrived:
            case ReceivedMessage() if arrived.mentions:
                content = by_number(arrived.content, self._pn_of, frozenset(arrived.mentions))
                mentions = [self._pn_of.get(each, each) for each in arrived.mentions]
                arrived = replace(arrived, content=content, mentions=mentions)
            case ReceivedChange(change=Edited() as edited):
                arrived = replace(arrived, change=replace(edited, content=by_number(edited.content, self._pn_of)))
            case _:
                pass
        chat = self._pn_of.get(arrived.chat)
        return arrived if chat is None else replace(arrived, chat=chat)

    def completed_timer(self, told: TimerChanged) -> TimerChanged:
        """A change of a timer with all that is known of who made it and where."""
        lid, phone = self.names_of(told.sender.jid, told.sender.lid, told.sender.phone)
        return replace(told, sender=replace(told.sender, lid=lid, phone=phone), chat=self.chat_of(Jid(told.chat)))


async def chat_of(form: MappingForm, keys: Keys, session_id: SessionId, jid: Jid) -> Jid:
    """The one name of a chat of any session, read from its keys."""
    return Jid((await names_of(form, keys, session_id, [jid])).get(jid, jid))


async def names_of(
    form: MappingForm, keys: Keys, session_id: SessionId, jids: Collection[str | None]
) -> Mapping[str, str]:
    """The numbers' JIDs of those of these who are named by a LID, as far as they are known, read from the keys."""
    lids = sorted({jid for jid in jids if jid is not None and jid.endswith("@lid")})
    if not lids:
        return {}
    found = form.read(await keys.load(session_id, form.kind, [form.id_of(lid) for lid in lids]))
    return {lid: found[lid] for lid in lids if lid in found}
