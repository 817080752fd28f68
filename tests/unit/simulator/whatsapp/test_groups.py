"""The life of a group: who may do what, who is told, and who can read."""

from typing import Any

import pytest

from gateway_worker.simulator.control import fault_actions, group_actions, message_views, person_actions
from gateway_worker.simulator.errors import ControlError
from gateway_worker.simulator.strict_body import Body
from gateway_worker.simulator.whatsapp.groups import groups
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.model import Account
from tests.unit.simulator.stage import Client, Stage


@pytest.fixture
def group(stage: Stage, ann: Account, bob: Account) -> Group:
    found: list[Group] = []
    stage.turn(lambda turn: found.append(groups.make(turn, ann.phone, "Us", [bob.pn_jid])))
    return found[0]


def test_who_comes_by_the_link_asks_first_where_an_admin_decides(
    stage: Stage, group: Group, ann: Account, eve: Account
) -> None:
    _order(stage, group, "invite", phone=ann.phone)
    _order(stage, group, "approval_on", phone=ann.phone)
    _order(stage, group, "join", phone=eve.phone, code=group.invite)
    assert (eve.phone in group.members, list(group.requests)) == (False, [eve.phone])
    _order(stage, group, "withdraw", phone=eve.phone)
    with pytest.raises(ControlError, match="does not ask"):
        _order(stage, group, "withdraw", phone=eve.phone)
    for action, is_in in (("reject", False), ("approve", True)):
        _order(stage, group, "join", phone=eve.phone, code=group.invite)
        _order(stage, group, action, phone=ann.phone, participants=[eve.pn_jid])
        assert (eve.phone in group.members, list(group.requests)) == (is_in, [])


def _order(stage: Stage, group: Group, action: str, **fields: Any) -> None:
    done = group_actions.parse(group.jid, action, Body(fields))
    stage.turn(lambda turn: group_actions.perform(turn, done))


def _say(stage: Stage, account: Account, group: Group, text: str) -> str:
    ids: list[str] = []
    draft = person_actions.Draft(content={"kind": "text", "text": text})
    stage.turn(lambda turn: ids.append(person_actions.send(turn, account, to=group.jid, draft=draft)))
    return ids[0]


def _texts(account: Account) -> list[str]:
    return [entry["content"]["text"] for entry in message_views.inbox(account)]


def _news(client: Client) -> list[Node]:
    return [node.children()[0] for node in client.got("notification", type="w:gp2")]


def test_who_is_removed_reads_no_more_and_who_is_added_reads_from_then_on(
    stage: Stage, ann: Account, bob: Account, eve: Account, group: Group
) -> None:
    _say(stage, ann, group, "to Bob")
    _order(stage, group, "add", phone=ann.phone, participants=[eve.pn_jid])
    _say(stage, ann, group, "to both")
    key = ann.primary.sender_keys.distribution(group.jid)
    _order(stage, group, "remove", phone=ann.phone, participants=[bob.pn_jid])
    _say(stage, ann, group, "to Eve")
    assert (_texts(bob), _texts(eve)) == (["to Bob", "to both"], ["to both", "to Eve"])
    assert ann.primary.sender_keys.distribution(group.jid) != key
    assert stage.core.world.stats.decrypt_failures == 0


def test_members_companions_are_told_of_every_change(stage: Stage, ann: Account, bob: Account, group: Group) -> None:
    client = stage.companion(bob)
    _order(stage, group, "subject", phone=ann.phone, subject="We")
    _order(stage, group, "description", phone=ann.phone, description="All of us")
    _order(stage, group, "announcement", phone=ann.phone)
    _order(stage, group, "promote", phone=ann.phone, participants=[bob.lid_jid])
    _order(stage, group, "leave", phone=ann.phone)
    assert [news.tag for news in _news(client)] == ["subject", "description", "announcement", "promote", "remove"]
    (described,) = client.ask("w:g2", Node("query"), to=group.jid).children()
    assert described.attrs["subject"] == "We"
    assert described.need("description").need("body").text == "All of us"
    assert described.child("announcement") is not None
    assert [member.attrs.get("type") for member in described.children("participant")] == ["superadmin"]


def test_only_admins_manage_and_in_an_announcement_group_only_they_write(
    stage: Stage, ann: Account, bob: Account, eve: Account, group: Group
) -> None:
    for action, fields in (("add", {"participants": [eve.pn_jid]}), ("announcement", {}), ("invite", {})):
        with pytest.raises(ControlError):
            _order(stage, group, action, phone=bob.phone, **fields)
    _order(stage, group, "locked", phone=ann.phone)
    with pytest.raises(ControlError):
        _order(stage, group, "subject", phone=bob.phone, subject="Mine")
    _order(stage, group, "announcement", phone=ann.phone)
    with pytest.raises(ControlError):
        _say(stage, bob, group, "not heard")
    _order(stage, group, "promote", phone=ann.phone, participants=[bob.pn_jid])
    _say(stage, bob, group, "heard")
    assert _texts(ann) == ["heard"]


def test_a_companion_manages_a_group_by_queries(stage: Stage, ann: Account, bob: Account, eve: Account) -> None:
    a, b = stage.companion(ann), stage.companion(bob)
    made = a.ask(
        "w:g2", Node("create", {"subject": "Us", "key": "K"}, [Node("participant", {"jid": bob.pn_jid})]), kind="set"
    )
    jid = f"{made.need('group').attrs['id']}@g.us"
    people = [Node("participant", {"jid": person}) for person in (eve.lid_jid, bob.pn_jid, "1999@s.whatsapp.net")]
    added = a.ask("w:g2", Node("add", {}, people), kind="set", to=jid).need("add").children()
    assert [person.attrs.get("error") for person in added] == [None, "409", "404"]
    assert b.ask("w:g2", Node("remove", {}, people[:1]), kind="set", to=jid).need("error").attrs["code"] == "403"
    assert a.ask("w:g2", Node("subject", {}, b"We"), kind="set", to=jid).attrs["type"] == "result"
    assert a.ask("w:g2", Node("subject", {}, b""), kind="set", to=jid).need("error").attrs["code"] == "406"
    code = a.ask("w:g2", Node("invite"), to=jid).need("invite").attrs["code"]
    left = b.ask("w:g2", Node("leave", {}, [Node("group", {"id": jid})]), kind="set")
    assert left.need("leave").need("group").attrs == {"id": jid.removesuffix("@g.us")}
    assert b.ask("w:g2", Node("query"), to=jid).need("error").attrs["code"] == "403"
    assert b.ask("w:g2", Node("invite", {"code": code}), to="@g.us").need("group").attrs["subject"] == "We"
    assert b.ask("w:g2", Node("invite", {"code": code}), kind="set", to="@g.us").need("group").attrs["jid"] == jid
    fresh = a.ask("w:g2", Node("invite"), kind="set", to=jid).need("invite").attrs["code"]
    assert fresh != code
    assert b.ask("w:g2", Node("invite", {"code": code}), to="@g.us").need("error").attrs["code"] == "406"
    assert [news.tag for news in _news(b)] == [
        "create",
        "add",
        "subject",
        "remove",  # who does it is told, too
        "add",
        "invite",
    ]


def test_a_person_joins_by_the_code_of_a_phone(stage: Stage, ann: Account, eve: Account, group: Group) -> None:
    _order(stage, group, "invite", phone=ann.phone)
    with pytest.raises(ControlError):
        _order(stage, group, "join", phone=eve.phone, code="other")
    _order(stage, group, "join", phone=eve.phone, code=group.invite)
    assert eve.phone in group.members


def test_faults_of_queries_hit_changes_of_groups_only(stage: Stage, ann: Account, bob: Account, eve: Account) -> None:
    client = stage.companion(ann)

    def ordered(kind: str, **fields: Any) -> None:
        asked = fault_actions.parse_fault(Body({"kind": kind, **fields}))
        stage.turn(lambda turn: fault_actions.add_fault(turn, asked))

    ordered("refuse_add", phone=bob.phone, count=1)
    people = [Node("participant", {"jid": person}) for person in (bob.pn_jid, eve.pn_jid, "1999@s.whatsapp.net")]
    made = client.ask("w:g2", Node("create", {"subject": "Us", "key": "K"}, people), kind="set").need("group")
    errors = [person.attrs.get("error") for person in made.children("participant")]
    assert sorted(filter(None, errors)) == ["403", "404"]
    jid = f"{made.attrs['id']}@g.us"
    ordered("refuse_query", phone=ann.phone, code=429)
    assert client.ask("w:g2", Node("query"), to=jid).need("group").attrs["subject"] == "Us"
    assert client.ask("w:g2", Node("subject", {}, b"We"), kind="set", to=jid).need("error").attrs["code"] == "429"
    assert client.ask("w:g2", Node("subject", {}, b"We"), kind="set", to=jid).attrs["type"] == "result"
