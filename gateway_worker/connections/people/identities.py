"""Which LID is which number, and which number a spelling: the people of one session, in memory, as its keys say it.

The keys are the truth: they are stored with what taught them, travel in snapshots, and are read at each
take-over. A person has one chat and one queue, whichever name a command or a message uses. The chat is named by the
number as WhatsApp writes it (user sync, receipts); every other name leads there.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from gateway_worker.connections.base.ports import MappingForm
from gateway_worker.connections.base.storage import Keys
from gateway_worker.connections.people.mentions import by_number
from gateway_worker.connections.people.spellings import SPELLING_KIND, read_spellings, spelling_id
from gateway_worker.whatsapp.incoming import Arrived, ReceivedChange, ReceivedMessage, TimerChanged
from gateway_worker.whatsapp.incoming_changes import Edited
from schemas.addresses import LID_SERVER, USER_SERVER, Jid, phone_of, spellings
from schemas.content.content import Content
from schemas.names import SessionId

_BY_NUMBER: Final = f"@{USER_SERVER}"
_NOBODY: Final = frozenset[str]()
MAX_PEOPLE: Final = 20_000  # of one session; a person beyond them has two chats until it is heard of again


class Identities:
    """The people of one session."""

    def __init__(self, form: MappingForm) -> None:
        self._form = form
        self._pn_of: dict[str, Jid] = {}
        self._lid_of: dict[str, str] = {}
        self._chat_of: dict[str, Jid] = {}  # of numbers that WhatsApp was asked about: as it writes them
        self._written: defaultdict[str, set[str]] = defaultdict(set)  # its inverse

    async def load(self, session_id: SessionId, keys: Keys) -> None:
        """Read what is known; for a session that was just taken over."""
        self.learn(self._form.read(await keys.of_kind(session_id, self._form.kind, MAX_PEOPLE)))
        self.learn_spellings(read_spellings(await keys.of_kind(session_id, SPELLING_KIND, MAX_PEOPLE)))

    def learn(self, pn_of_lid: Mapping[str, str]) -> None:
        """More is known, and stored. Those who were learnt first are forgotten first."""
        for lid, pn in pn_of_lid.items():
            self._pn_of[lid], self._lid_of[pn] = Jid(pn), lid
        while len(self._pn_of) > MAX_PEOPLE:
            lid = next(iter(self._pn_of))
            self._lid_of.pop(self._pn_of.pop(lid), None)

    def learn_spellings(self, chat_of: Mapping[str, str]) -> None:
        """WhatsApp has said whom numbers (JIDs, as somebody wrote them) lead to. The first are forgotten first."""
        for written, chat in chat_of.items():
            self._chat_of[written] = Jid(chat)
            self._written[chat].add(written)
        while len(self._chat_of) > MAX_PEOPLE:
            written = next(iter(self._chat_of))
            chat = self._chat_of.pop(written)
            self._written[chat].discard(written)
            if not self._written[chat]:
                del self._written[chat]

    def is_settled(self, jid: Jid) -> bool:
        """Whether it is certain which chat that is: WhatsApp writes other numbers its own way."""
        return not jid.endswith(_BY_NUMBER) or jid in self._lid_of or jid in self._chat_of

    def chat_of(self, jid: Jid) -> Jid:
        """The one name of a chat: of a person the number as WhatsApp writes it, where that is known.

        Of a number nobody has asked about it is a guess: the other spelling of it, if there is a chat of that name.
        """
        jid = self._pn_of.get(jid, jid)
        if jid in self._lid_of or not jid.endswith(_BY_NUMBER):
            return self._chat_of.get(jid, jid)
        if (joined := self._chat_of.get(jid)) is not None:
            return joined
        known = (each for each in spellings(jid) if each in self._lid_of or each in self._chat_of)
        other = next(known, None)
        return jid if other is None else self._chat_of.get(other, Jid(other))

    def order_key(self, jid: Jid) -> str:
        """What tells its queue from others: the same for each spelling of a number, also before one was asked about."""
        return min(spellings(self.chat_of(jid)))

    def may_be_one(self, chat: Jid, other: Jid) -> bool:
        """Whether two names can be of one chat, as far as is known: a LID that nobody knows may be anybody's."""
        one, two = self.chat_of(chat), self.chat_of(other)
        servers = {each.rpartition("@")[2] for each in (one, two)}
        return two in spellings(one) or servers == {USER_SERVER, LID_SERVER}

    def all_names(self, jid: str) -> frozenset[str]:
        """Every JID that is known of a person, or of the chat with that person; whatever else has but one."""
        chat = self.chat_of(Jid(jid))
        lid, written = self._lid_of.get(chat), self._written.get(chat, _NOBODY)
        known = spellings(jid) if jid == chat else spellings(jid) | spellings(chat)
        return known | written if lid is None else known | written | {lid}

    def names_of(self, jid: str, lid: str | None, phone: str | None) -> tuple[str | None, str | None]:
        """LID and number of a person, from what is told of it and what is known."""
        pn = self._pn_of.get(lid or jid)
        return lid or self._lid_of.get(pn or self.chat_of(Jid(jid))), phone or (None if pn is None else phone_of(pn))

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
        chat = self.chat_of(Jid(arrived.chat))
        return arrived if chat == arrived.chat else replace(arrived, chat=chat)

    def completed_timer(self, changed: TimerChanged) -> TimerChanged:
        """A change of a timer with all that is known of who made it and where."""
        lid, phone = self.names_of(changed.sender.jid, changed.sender.lid, changed.sender.phone)
        return replace(
            changed, sender=replace(changed.sender, lid=lid, phone=phone), chat=self.chat_of(Jid(changed.chat))
        )


async def chat_of(form: MappingForm, keys: Keys, session_id: SessionId, jid: Jid) -> Jid:
    """The one name of a chat of any session, read from its keys; see `Identities.chat_of`."""
    if not jid.endswith(_BY_NUMBER):
        return Jid((await names_of(form, keys, session_id, [jid])).get(jid, jid))
    written = sorted(spellings(jid), key=lambda each: each != jid)  # as it was given first
    canonical = read_spellings(await keys.load(session_id, SPELLING_KIND, [spelling_id(each) for each in written]))
    if jid in canonical or len(written) == 1:
        return Jid(canonical.get(jid, jid))
    ids = [form.number_id(each) for each in written]
    known = await keys.load(session_id, form.kind, ids)
    of_whatsapp = (each for each, id_ in zip(written, ids, strict=True) if id_ in known)
    return Jid(next(of_whatsapp, None) or next(iter(canonical.values()), jid))


async def names_of(
    form: MappingForm, keys: Keys, session_id: SessionId, jids: Collection[str | None]
) -> Mapping[str, str]:
    """The numbers' JIDs of those of these who are named by a LID, as far as they are known, read from the keys."""
    lids = sorted({jid for jid in jids if jid is not None and jid.endswith("@lid")})
    if not lids:
        return {}
    found = form.read(await keys.load(session_id, form.kind, [form.id_of(lid) for lid in lids]))
    return {lid: found[lid] for lid in lids if lid in found}
