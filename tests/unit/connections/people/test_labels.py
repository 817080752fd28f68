"""Labels: by commands, and as the app state says them."""

import pytest

from gateway_worker.connections.people.identities import Identities
from gateway_worker.connections.people.own_chats import OwnChats
from gateway_worker.store.operations.chats import UpdateChats
from gateway_worker.store.operations.labels import LabelStoredMessage, SetLabel, with_label
from gateway_worker.store.records import LabelRecord
from gateway_worker.whatsapp.app_state import StateChange, StateChanges, StateKind, StateMessage
from schemas.errors import LabelNotFound
from tests.support.connections.fake_chats import chat_row
from tests.support.connections.virtual_time import EPOCH, virtual
from tests.support.connections.world import ANNA, MAPPINGS, command, world

BERT, LID = "15550002222@s.whatsapp.net", "42@lid"


def test_what_the_app_state_says_of_labels_is_kept_in_its_order() -> None:
    identities = Identities(MAPPINGS)
    identities.learn({LID: BERT})
    changes = [
        StateChange(kind=StateKind.LABEL, chat="", label="5", name="Paid", color=3),
        StateChange(kind=StateKind.CHAT_LABEL, chat=LID, label="5"),
        StateChange(
            kind=StateKind.MESSAGE_LABEL, chat=BERT, label="5", message=StateMessage(message_id="A1", from_me=False)
        ),
        StateChange(kind=StateKind.LABEL, chat="", label="5", on=False),
    ]
    made, chat, message, gone = OwnChats(identities).operations([StateChanges(changes=changes)], EPOCH)
    assert isinstance(made, SetLabel)
    assert isinstance(gone, SetLabel)
    assert isinstance(chat, UpdateChats)
    assert isinstance(message, LabelStoredMessage)
    assert (made.label_id, made.name, made.color, gone.name) == ("5", "Paid", 3, None)
    assert [(each.chat, each.told_as, each.label) for each in chat.changes] == [(BERT, LID, ("5", True))]
    assert (message.message_id, message.label_id, message.on) == ("A1", "5", True)


def test_ids_of_labels_are_kept_once() -> None:
    assert with_label("", "5", on=True) == "5"
    assert with_label("5,7", "5", on=True) == "7,5"
    assert with_label("5,7", "5", on=False) == "7"
    assert with_label("", "5", on=False) == ""


@virtual
async def test_a_label_is_made_once_and_under_an_id_that_no_other_ever_had() -> None:
    async with world() as w:
        await w.connected()
        w.storage.labels.rows = {
            "5": LabelRecord(label_id="5", name="Paid", color=3),
            "9": LabelRecord(label_id="9", name=None, color=0),
        }
        labels = w.manager.of(ANNA).labels
        made = await labels.create(command("label.create.v1", ANNA, {"name": "New order", "color": 2}))
        again = await labels.create(command("label.create.v1", ANNA, {"name": "Paid", "color": 9}))
        assert [(each.label_id, each.color) for each in (made, again)] == [("10", 2), ("5", 3)]
        await labels.update(command("label.update.v1", ANNA, {"labelId": "5", "color": 4}))
        await labels.delete(command("label.delete.v1", ANNA, {"labelId": "5"}))
        states = w.engine.opened[0].states
        assert [(each.kind, each.label, each.name, each.color, each.on) for each in states] == [
            (StateKind.LABEL, "10", "New order", 2, True),
            (StateKind.LABEL, "5", "Paid", 4, True),
            (StateKind.LABEL, "5", "Paid", 3, False),
        ]
        for kind, data in (
            ("label.update.v1", {"labelId": "9", "name": "x"}),
            ("chat.label.v1", {"labelId": "1", "chat": BERT}),
        ):
            with pytest.raises(LabelNotFound):
                await getattr(labels, "update" if kind == "label.update.v1" else "label_chat")(
                    command(kind, ANNA, data)
                )


@virtual
async def test_a_chat_shows_the_labels_that_are_there() -> None:
    async with world() as w:
        await w.connected()
        w.storage.labels.rows = {
            "5": LabelRecord(label_id="5", name="Paid", color=3),
            "9": LabelRecord(label_id="9", name=None, color=0),
        }
        w.storage.chats.rows[BERT] = chat_row(BERT, labels=("5", "9"), told_as=LID)
        await w.manager.of(ANNA).labels.label_chat(command("chat.label.v1", ANNA, {"labelId": "5", "chat": BERT}))
        (change,) = w.engine.opened[0].states
        assert (change.kind, change.chat, change.label, change.on) == (StateKind.CHAT_LABEL, LID, "5", True)
        ask = w.manager.queries.table()
        shown = await ask["chat.describe.v1"](command("chat.describe.v1", ANNA, {"chat": BERT}))
        assert shown.to_data()["labels"] == ["5"]
        listed = await ask["label.list.v1"](command("label.list.v1", ANNA, {}))
        assert listed.to_data() == {"labels": [{"labelId": "5", "name": "Paid", "color": 3}]}
