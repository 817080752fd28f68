"""A message is its chat, its sender and its id: strangers choose their ids, and nobody acts for another."""

from dataclasses import replace
from typing import Any

from gateway_worker.store.operations.authors import ME, Person, Right
from gateway_worker.store.operations.commands import Begun, InProgress
from gateway_worker.store.operations.history import HistoricMessage, StoreHistory
from gateway_worker.store.operations.media import NewMedia, SettleMedia
from gateway_worker.store.operations.messages import NewEntry, PutEntries, ReceiveMessage
from gateway_worker.store.operations.people import JoinChats
from gateway_worker.store.operations.receipts import AdvanceStatus
from gateway_worker.store.records import Fence, MediaState, Status
from gateway_worker.store.store import Store
from schemas.names import MessageId
from tests.integration.store.conftest import SESSION
from tests.support.store.stores import NOON, OutboxListener, advance, arrived, begin, message_id

GROUP = "120363001@g.us"
CHAT, ANA, BEN = arrived().chat, "15550002222@s.whatsapp.net", "15550003333@s.whatsapp.net"
LID = "42@lid"
ID = MessageId("CHOSEN")


def message(chat: str, sender: str, text: str = "Hi", **more: Any) -> ReceiveMessage:
    content = {"kind": "text", "text": text}
    return replace(arrived(), message_id=ID, chat=chat, sender=sender, content=content, event={"text": text}, **more)


def change(number: int, right: Right, by: str, chat: str, about: MessageId = ID, **more: Any) -> ReceiveMessage:
    return replace(arrived(100 + number), chat=chat, sender=by, about=about, right=right, kind="changed", **more)


async def texts(store: Store, name: MessageId = ID) -> list[tuple[int, object]]:
    return [(each.number, each.content["text"]) for each in await store.messages.under(SESSION, name)]


async def test_messages_under_one_id_are_as_many_as_their_chats_and_senders(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    of_ana, of_ben = message(GROUP, ANA, "by Ana"), message(GROUP, BEN, "by Ben")
    in_chat, of_me = message(ANA, ANA, "in her chat"), message(ANA, ANA, "by me", from_me=True)
    for _ in range(2):  # as WhatsApp delivers again what was not receipted
        await store.commit(fence, of_ana, of_ben, in_chat, of_me)
    assert await texts(store) == [(1, "by Ana"), (2, "by Ben"), (3, "in her chat"), (4, "by me")]
    assert [each.data["text"] for each in heard.events] == ["by Ana", "by Ben", "in her chat", "by me"]


async def test_one_message_is_one_by_whichever_name_it_comes_again(store: Store, fence: Fence) -> None:
    names = frozenset((ANA, LID))
    in_chat, in_group = message(LID, LID, "chat"), message(GROUP, LID, "group")
    await store.commit(fence, in_chat, in_group)
    again = replace(message(ANA, ANA, "again"), chats=names, senders=names)
    assert await store.commit(fence, JoinChats(chats={LID: ANA}), again) == (None, False)
    assert await store.commit(fence, again) == (False,)
    assert await store.commit(fence, replace(message(GROUP, ANA, "again"), senders=names)) == (False,)
    assert await texts(store) == [(1, "chat"), (2, "group")]


async def test_what_a_stranger_put_under_our_id_is_no_conflict(store: Store, fence: Fence) -> None:
    stranger = replace(message(CHAT, CHAT, "mine"), message_id=message_id())
    assert await store.commit(fence, stranger) == (True,)
    assert await store.commit(fence, begin()) == (Begun(),)
    assert await store.commit(fence, begin()) == (InProgress(attempts=2),)
    assert await texts(store, message_id()) == [(0, "Hello"), (1, "mine")]
    assert await store.commit(fence, advance(Status.SENT)) == (True,)
    assert [each.status for each in await store.messages.under(SESSION, message_id())] == ["sent", "received"]


async def test_what_we_sent_does_not_come_back_with_the_history(store: Store, fence: Fence) -> None:
    await store.commit(fence, begin())
    past = [
        HistoricMessage(
            message_id=name,
            chat=GROUP,
            sender=sender,
            from_me=from_me,
            kind="text",
            content={"kind": "text", "text": sender},
            status=Status.RECEIVED,
            at=NOON,
            created_at=NOON,
        )
        for name, sender, from_me in ((message_id(), ANA, True), (ID, ANA, False), (ID, BEN, False))
    ]
    for _ in range(2):
        await store.commit(fence, StoreHistory(messages=past))
    assert await texts(store, message_id()) == [(0, "Hello")]
    assert await texts(store) == [(1, ANA), (2, BEN)]


async def test_each_has_its_own_plaintext_and_its_own_file(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    for sender in (ANA, BEN):
        part = NewEntry(chat=GROUP, sender=sender, message_id=ID, index=0, plaintext=sender.encode(), visible=True)
        media = NewMedia(state=MediaState.PENDING, object=f"of {sender}", value={"media": {}})
        found = replace(message(GROUP, sender), entry=(GROUP, sender), media=media)
        await store.commit(fence, PutEntries(entries=[part]), found)
    assert [await store.messages.plaintext(SESSION, ID, number) for number in (0, 1, 2)] == [
        None,
        ANA.encode(),
        BEN.encode(),
    ]
    files = await store.media.of(SESSION, [(ID, 1), (ID, 2)])
    assert [each.object for each in files.values()] == [f"of {ANA}", f"of {BEN}"]
    due = await store.media.due(SESSION, NOON, [f"of {ANA}"], 10)
    assert [each.number for each in due] == [2]
    settled = SettleMedia(message_id=ID, number=2, state=MediaState.READY, value={}, event_type="e", event={"n": 2})
    assert await store.commit(fence, settled) == (True,)
    assert [each.state for each in (await store.media.of(SESSION, [(ID, 1), (ID, 2)])).values()] == ["pending", "ready"]
    assert heard.events[-1].data == {"n": 2}


async def test_a_receipt_moves_what_was_sent_to_its_chat_alone(store: Store, fence: Fence) -> None:
    await store.commit(fence, replace(begin(), chat=ANA), advance(Status.SENT))

    async def read(chat: str) -> bool:
        receipt = AdvanceStatus(message_id=message_id(), status=Status.READ, at=NOON, chat_names=frozenset((chat,)))
        (moved,) = await store.commit(fence, receipt)
        return moved

    assert [await read(chat) for chat in (BEN, GROUP, ANA)] == [False, False, True]


async def test_a_change_counts_in_the_chat_of_its_message_and_by_whom_may(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    await store.commit(fence, message(GROUP, ANA), replace(begin(2), chat=ANA))
    ana, unknown, ours = Person.of(False, ANA), MessageId("OLDER"), message_id(2)
    tried: list[tuple[bool, ReceiveMessage]] = [
        (True, change(1, Right.AUTHOR, ANA, GROUP)),
        (False, change(2, Right.AUTHOR, BEN, GROUP)),
        (False, change(3, Right.AUTHOR, BEN, BEN)),
        (False, change(4, Right.AUTHOR, ANA, ANA)),
        (True, change(5, Right.AUTHOR_OR_ADMIN, ANA, GROUP, about_author=ana)),
        (False, change(6, Right.AUTHOR_OR_ADMIN, BEN, GROUP, about_author=ana)),
        (True, change(7, Right.AUTHOR_OR_ADMIN, BEN, GROUP, about_author=ana, by_admin=True)),
        (False, change(8, Right.AUTHOR_OR_ADMIN, BEN, BEN, about_author=ana, by_admin=True)),
        (False, change(9, Right.AUTHOR_OR_ADMIN, BEN, GROUP)),
        (True, change(10, Right.ANYONE, BEN, GROUP)),
        (False, change(11, Right.ANYONE, BEN, BEN)),
        (False, change(12, Right.AUTHOR_OR_ADMIN, ANA, ANA, ours, about_author=ME)),
        (False, change(13, Right.AUTHOR, ANA, ANA, ours)),
        (True, change(14, Right.ANYONE, ANA, ANA, ours)),
        (True, change(15, Right.AUTHOR, BEN, BEN, unknown)),
        (True, change(16, Right.AUTHOR, BEN, GROUP, unknown, about_author=Person.of(False, BEN))),
        (False, change(17, Right.AUTHOR, BEN, GROUP, unknown, about_author=ana)),
        (False, change(18, Right.AUTHOR_OR_ADMIN, BEN, GROUP, unknown, about_author=ana)),
        (True, change(19, Right.AUTHOR_OR_ADMIN, BEN, GROUP, unknown, about_author=ana, by_admin=True)),
        (False, change(20, Right.AUTHOR_OR_ADMIN, BEN, BEN, unknown, about_author=ME)),
    ]
    assert [(await store.commit(fence, each))[0] for _, each in tried] == [counts for counts, _ in tried]
    seen = [event.data["number"] for event in heard.events if event.data.get("number", 0)]
    assert len(seen) == sum(counts for counts, _ in tried)
    stored = {each.message_id for each in await store.messages.changes(SESSION, [ID, unknown, ours], 100)}
    assert stored == {each.message_id for counts, each in tried if counts}, "what counts for nothing is not kept"


async def test_a_forgery_that_comes_with_its_message_is_none_the_better(store: Store, fence: Fence) -> None:
    edit = change(1, Right.AUTHOR, BEN, BEN)
    assert await store.commit(fence, edit, message(GROUP, ANA)) == (False, True)


async def test_a_change_that_is_opened_takes_the_place_of_itself_sealed_and_is_told(store: Store, fence: Fence) -> None:
    heard = OutboxListener(store)
    sealed = change(1, Right.AUTHOR, BEN, GROUP)
    stranger = replace(change(1, Right.AUTHOR, ANA, GROUP), content={"text": "by Ana"})
    await store.commit(fence, sealed, stranger, change(2, Right.ANYONE, BEN, GROUP))
    await store.commit(fence, message(GROUP, BEN))
    opened = replace(sealed, kind="edited", content={"text": "new"}, event={"text": "new"}, opened=True)
    not_his = replace(opened, sender=ANA, content={"text": "worse"})
    before = [(each.message_id, each.number) for each in await store.messages.changes(SESSION, [ID], 10)]
    assert await store.commit(fence, opened) == (True,)
    assert await store.commit(fence, not_his) == (False,)

    under = await store.messages.under(SESSION, sealed.message_id)
    assert [(each.kind, each.content["text"]) for each in under] == [("edited", "new"), ("changed", "by Ana")]
    assert heard.events[-1].data == {"text": "new"}
    assert [(each.message_id, each.number) for each in await store.messages.changes(SESSION, [ID], 10)] == before

    fresh = replace(opened, message_id=message_id(77))  # what it was told as is not stored any more
    assert await store.commit(fence, fresh) == (True,)
