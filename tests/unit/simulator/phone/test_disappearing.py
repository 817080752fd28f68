"""Disappearing chats on the phones."""

import pytest

from gateway_worker.simulator.control import message_views, person_actions
from gateway_worker.simulator.errors import Invalid
from gateway_worker.simulator.phone.disappearing import set_timer
from gateway_worker.simulator.whatsapp.groups import groups
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.group import Group
from gateway_worker.simulator.world.model import Account
from tests.unit.simulator.stage import Stage

DAY, WEEK = 86_400, 604_800


@pytest.fixture
def group(stage: Stage, ann: Account, bob: Account) -> Group:
    made: list[Group] = []
    stage.turn(lambda turn: made.append(groups.make(turn, ann.phone, "G", [bob.pn_jid])))
    return made[0]


def test_a_timer_is_heard_by_the_other_and_marks_what_both_write(stage: Stage, ann: Account, bob: Account) -> None:
    stage.turn(lambda turn: set_timer(turn, ann, bob.pn_jid, DAY))
    first, answer = stage.send(ann, bob, "hello"), stage.send(bob, ann, "fine")
    shown = message_views.inbox(bob)[0], message_views.inbox(ann)[0]
    assert [(each["messageId"], each["disappearingSeconds"]) for each in shown] == [(first, DAY), (answer, DAY)]
    assert [each["content"]["text"] for each in shown] == ["hello", "fine"]
    stage.now += 10
    stage.turn(lambda turn: set_timer(turn, bob, ann.pn_jid, 0))
    stage.send(ann, bob, "stays")
    assert "disappearingSeconds" not in message_views.inbox(bob)[1]


def test_a_companion_hears_of_it(stage: Stage, ann: Account, bob: Account) -> None:
    b = stage.companion(bob)
    stage.turn(lambda turn: set_timer(turn, ann, bob.pn_jid, WEEK))
    (arrived,) = b.got("message")[-1:]
    setting = b.read(arrived).protocolMessage
    assert (setting.ephemeralExpiration, setting.ephemeralSettingTimestamp) == (WEEK, int(stage.now))


def test_a_timer_that_whatsapp_does_not_offer_is_refused(stage: Stage, ann: Account, bob: Account) -> None:
    with pytest.raises(Invalid, match="seconds"):
        stage.turn(lambda turn: set_timer(turn, ann, bob.pn_jid, 5))


def test_a_groups_timer_is_told_described_and_kept_to(stage: Stage, ann: Account, bob: Account, group: Group) -> None:
    a = stage.companion(ann)
    stage.turn(lambda turn: set_timer(turn, bob, group.jid, DAY))
    (seen,) = [node for node in a.got("notification", type="w:gp2") if node.child("ephemeral")]
    assert seen.need("ephemeral").attrs["expiration"] == str(DAY)
    described = a.ask("w:g2", Node("query", {"request": "interactive"}), to=group.jid)
    assert described.need("group").need("ephemeral").attrs["expiration"] == str(DAY)
    content = {"kind": "text", "text": "in the group"}
    _say(stage, bob, group.jid, content)
    assert message_views.inbox(ann)[-1]["disappearingSeconds"] == DAY


@pytest.mark.parametrize(("seconds", "code"), [("5", "400"), ("x", "400"), (str(WEEK), "")])
def test_a_companion_sets_a_groups_timer(stage: Stage, ann: Account, group: Group, seconds: str, code: str) -> None:
    a = stage.companion(ann)
    answer = a.ask("w:g2", Node("ephemeral", {"expiration": seconds}), kind="set", to=group.jid)
    error = answer.child("error")
    assert (error.attrs["code"] if error else "") == code
    assert group.disappearing == (0 if code else WEEK)


def _say(stage: Stage, account: Account, to: str, content: dict[str, str]) -> None:
    stage.turn(lambda turn: person_actions.send(turn, account, to=to, draft=person_actions.Draft(content=content)))
