"""What an account sets about itself and others: its other companions are told, and what is wrong is refused."""

import pytest

from gateway_worker.simulator.whatsapp.blocking import set_blocked
from gateway_worker.simulator.whatsapp.groups.changes import change_setting, leave
from gateway_worker.simulator.whatsapp.groups.groups import make
from gateway_worker.simulator.whatsapp.privacy import set_privacy
from gateway_worker.simulator.whatsapp.profiles import set_picture
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
    assert [each for each in a.got("message") if each.attrs.get("category") != "peer"] == []
    stage.turn(lambda turn: set_blocked(turn, ann, bob, blocked=False, by=ann.primary.device))
    stage.send(bob, ann, "hello")
    stage.run()
    assert len(ann.primary.messages) == 1


def setting(name: str, value: str) -> Node:
    return Node("privacy", {}, [Node("category", {"name": name, "value": value})])


def shown(client: Client) -> dict[str, str]:
    found = client.ask("privacy", Node("privacy")).need("privacy").children("category")
    return {each.attrs["name"]: each.attrs["value"] for each in found}


def test_who_sees_what_is_kept_and_told(stage: Stage, ann: Account, a: Client) -> None:
    other = stage.companion(ann)
    assert set(shown(a).values()) == {"all"}
    a.ask("privacy", setting("last", "contact_blacklist"), kind="set")
    assert shown(other)["last"] == "contact_blacklist"
    assert other.got("notification", type="account_sync")[-1].need("privacy").need("category").attrs["name"] == "last"
    for name, value in (("online", "none"), ("readreceipts", "contacts"), ("mood", "all")):
        assert a.ask("privacy", setting(name, value), kind="set").need("error").attrs["code"] == "400"
    assert a.ask("privacy", Node("tokens"), kind="set").child("error") is None


def test_a_picture_is_set_by_a_companion_and_hidden_from_others(
    stage: Stage, ann: Account, bob: Account, a: Client
) -> None:
    b = stage.companion(bob)
    other = stage.companion(ann)
    jpeg = b"\xff\xd8\xff" + bytes(100)
    answer = a.ask("w:profile:picture", Node("picture", {"type": "image"}, jpeg), kind="set")
    assert ann.picture is not None
    assert answer.need("picture").attrs["id"] == ann.picture[0]
    assert other.got("notification", type="account_sync")[-1].child("picture") is not None
    refused = a.ask("w:profile:picture", Node("picture", {"type": "image"}, b"GIF89a"), kind="set")
    assert refused.need("error").attrs["code"] == "406"
    query = Node("picture", {"type": "image", "query": "url"})
    assert b.ask("w:profile:picture", query, to=ann.pn_jid).child("picture") is not None
    stage.turn(lambda turn: set_privacy(turn, ann, "profile", "none", by=ann.primary.device))
    assert b.ask("w:profile:picture", query, to=ann.pn_jid).need("error").attrs["code"] == "401"
    assert a.ask("w:profile:picture", query, to=ann.pn_jid).child("picture") is not None
    stage.turn(lambda turn: set_picture(turn, ann, b""))
    assert len(a.got("notification", type="account_sync")) == 3  # the other device, the setting, the picture


def test_a_groups_picture_is_for_its_members_and_set_by_who_may(
    stage: Stage, ann: Account, bob: Account, a: Client
) -> None:
    b = stage.companion(bob)
    stage.turn(lambda turn: make(turn, ann.phone, "Us", [bob.pn_jid]))
    (group,) = stage.core.world.groups.values()
    picture = Node("picture", {"type": "image"}, b"\xff\xd8\xff" + bytes(100))
    query = Node("picture", {"type": "image", "query": "url"})

    def answered(client: Client, asked: Node, kind: str = "set") -> str:
        (answer,) = client.ask("w:profile:picture", asked, kind=kind, target=group.jid).children()
        return answer.attrs.get("code") or answer.attrs["id"]

    assert answered(b, query, "get") == "404"
    shown = answered(b, picture)
    (told,) = a.got("notification", type="picture")
    assert (told.attrs["from"], told.attrs["participant"]) == (group.jid, bob.lid_jid)
    assert told.need("set").attrs["id"] == shown == answered(a, query, "get")
    stage.turn(lambda turn: change_setting(turn, ann.primary.device, group, "locked"))
    assert answered(b, picture) == "403"
    assert answered(a, Node("picture", {"type": "image"}, b"GIF89a")) == "406"
    assert a.ask("w:profile:picture", Node("none"), kind="set", target=group.jid).children() == []
    assert b.got("notification", type="picture")[-1].child("delete") is not None
    stage.turn(lambda turn: leave(turn, bob.primary.device, group))
    assert answered(b, picture) == "404"
