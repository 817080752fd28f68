"""What an account sets about itself and others: its other companions are told, and what is wrong is refused."""

import pytest

from gateway_worker.simulator.whatsapp.blocking import set_blocked
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.model import Account
from tests.unit.simulator.stage import Client, Stage


@pytest.fixture
def a(stage: Stage, ann: Account) -> Client:
    return stage.companion(ann)


def listed(client: Client) -> list[str]:
    items = client.ask("blocklist", Node("none")).need("list").children("item")
    return [item.attrs["jid"] for item in items]


def test_who_is_blocked_is_listed_by_the_lid_and_other_companions_are_told(
    stage: Stage, ann: Account, bob: Account, a: Client
) -> None:
    other = stage.companion(ann)
    item = Node("item", {"action": "block", "jid": bob.lid_jid, "pn_jid": bob.pn_jid})
    answer = a.ask("blocklist", item, kind="set").need("list")
    assert [each.attrs["jid"] for each in answer.children("item")] == [bob.lid_jid] == listed(other)
    (note,) = other.got("notification", type="account_sync")[-1:]
    told = note.need("blocklist")
    assert told.attrs["dhash"] == answer.attrs["dhash"] != told.attrs["prev_dhash"]
    assert told.need("item").attrs == {"jid": bob.lid_jid, "action": "block"}
    stage.turn(lambda turn: set_blocked(turn, ann, bob, blocked=False, by=ann.primary.device))
    assert listed(a) == []
    assert len(a.got("notification", type="account_sync")) == 2  # the other device, and what the phone did


@pytest.mark.parametrize("wrong", [{"pn_jid": ""}, {"jid": "bob"}, {"action": "mute"}, {"jid": "15550000009@lid"}])
def test_who_is_not_named_by_lid_and_number_is_not_blocked(
    ann: Account, bob: Account, a: Client, wrong: dict[str, str]
) -> None:
    right = {"action": "block", "jid": bob.lid_jid, "pn_jid": bob.pn_jid}
    named = {"bob": bob.pn_jid}
    attrs = {name: named.get(value, value) for name, value in (right | wrong).items()}
    assert a.ask("blocklist", Node("item", attrs), kind="set").need("error").attrs["code"] == "400"
    assert ann.blocked == {}


def test_nothing_of_who_is_blocked_arrives(stage: Stage, ann: Account, bob: Account, a: Client) -> None:
    stage.turn(lambda turn: set_blocked(turn, ann, bob, blocked=True, by=ann.primary.device))
    stage.send(bob, ann, "hello")
    stage.run()
    assert ann.primary.messages == {}
    assert a.got("message", type="text") == []
    stage.turn(lambda turn: set_blocked(turn, ann, bob, blocked=False, by=ann.primary.device))
    stage.send(bob, ann, "hello")
    stage.run()
    assert len(ann.primary.messages) == 1
