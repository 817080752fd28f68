"""Calls, profile pictures and status updates of people."""

import pytest

from gateway_worker.simulator.control import person_actions
from gateway_worker.simulator.errors import ControlError
from gateway_worker.simulator.phone import address_book, calls
from gateway_worker.simulator.whatsapp import profiles
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world import media
from gateway_worker.simulator.world.model import Account
from gateway_worker.simulator.world.phone_records import Call
from gateway_worker.simulator.world.turn import Turn
from tests.unit.simulator.stage import Stage


def _ring(stage: Stage, caller: Account, to: str, *, video: bool = False) -> Call:
    made: list[Call] = []
    stage.turn(lambda turn: made.append(calls.ring(turn, caller.primary, to, video=video)))
    return made[0]


def test_a_call_rings_at_companions_and_one_of_them_declines(stage: Stage, ann: Account, bob: Account) -> None:
    client, other = stage.companion(ann), stage.companion(ann)
    call = _ring(stage, bob, ann.pn_jid, video=True)
    (ringing,) = client.got("call")
    offer = ringing.need("offer")
    assert (ringing.attrs["from"], offer.attrs["call-id"], offer.child("video") is not None) == (
        bob.pn_jid,
        call.call_id,
        True,
    )
    reject = Node("reject", {"call-id": call.call_id, "call-creator": bob.pn_jid, "count": "0"})
    client.say(Node("call", {"id": "C1", "to": bob.pn_jid}, [reject]))
    assert client.got("ack", id="C1")
    assert call.state == calls.REJECTED
    assert other.got("call")[-1].need("terminate").attrs["call-id"] == call.call_id
    with pytest.raises(ControlError):
        stage.turn(lambda turn: calls.hang_up(turn, bob.primary, call.call_id))


def test_a_call_that_nobody_takes_is_ended_by_the_caller(stage: Stage, ann: Account, bob: Account) -> None:
    client = stage.companion(ann)
    call = _ring(stage, bob, ann.lid_jid)
    stage.turn(lambda turn: calls.hang_up(turn, bob.primary, call.call_id))
    assert [node.children()[0].tag for node in client.got("call")] == ["offer", "terminate"]
    assert client.got("call")[0].need("offer").attrs["caller_pn"] == bob.pn_jid
    with pytest.raises(ControlError):
        _ring(stage, bob, "1999@s.whatsapp.net")


def test_a_picture_is_found_told_of_and_removed(stage: Stage, ann: Account, bob: Account) -> None:
    client = stage.companion(ann)
    client.ask("usync", _devices_of(bob))
    stage.turn(lambda turn: profiles.set_picture(turn, bob, b"a jpeg"))
    assert client.got("notification", type="picture")[-1].child("set")
    found = _picture(stage, client.ask("w:profile:picture", Node("picture", {"type": "image"}), to=bob.pn_jid))
    assert found == b"a jpeg"
    stage.turn(lambda turn: profiles.set_picture(turn, bob, b""))
    assert client.got("notification", type="picture")[-1].child("delete")
    answer = client.ask("w:profile:picture", Node("picture"), to=bob.pn_jid)
    assert answer.need("error").attrs["code"] == "404"


def _devices_of(person: Account) -> Node:
    query = Node("query", {}, [Node("devices", {"version": "2"})])
    people = Node("list", {}, [Node("user", {"jid": person.pn_jid})])
    return Node(
        "usync", {"sid": "1", "mode": "query", "context": "message", "last": "true", "index": "0"}, [query, people]
    )


def _picture(stage: Stage, answer: Node) -> bytes | int:
    path, _, query = answer.need("picture").attrs["direct_path"].partition("?")
    signature = query.partition("oh=")[2].partition("&")[0]
    given: list[bytes | int] = []

    def look(turn: Turn) -> None:
        given.append(media.download(turn, path, signature))

    stage.turn(look)
    return given[0]


def test_a_status_update_reaches_whom_the_person_has_written_with(stage: Stage, ann: Account, bob: Account) -> None:
    client, stranger = stage.companion(ann), stage.person("15550000003")
    stage.send(bob, ann, "hello")
    draft = person_actions.Draft(content={"kind": "text", "text": "my day"})
    stage.turn(lambda turn: person_actions.send(turn, bob, to="status@broadcast", draft=draft))
    (update,) = client.got("message", **{"from": "status@broadcast"})
    assert (update.attrs["participant"], client.read_from(update, bob.pn_jid).conversation) == (bob.pn_jid, "my day")
    assert [kept.chat for kept in ann.primary.messages.values()] == [bob.pn_jid, "status@broadcast"]
    assert not stranger.primary.messages


def test_a_status_text_is_told_to_whom_the_person_is_known(stage: Stage, ann: Account, bob: Account) -> None:
    client = stage.companion(ann)
    client.ask("usync", _devices_of(bob))
    stage.turn(lambda turn: profiles.set_about(turn, bob, "At work"))
    (seen,) = client.got("notification", type="status")
    assert (seen.attrs["from"], seen.need("set").data) == (bob.pn_jid, b"At work")


def test_a_saved_contact_is_written_to_the_app_state_and_companions_are_told(
    stage: Stage, ann: Account, bob: Account
) -> None:
    client = stage.companion(ann)
    for name in ("Bob", "Bob the builder"):
        stage.turn(lambda turn, name=name: address_book.save_contact(turn, ann, bob.lid_jid, name))
    seen = [node.need("collection").attrs for node in client.got("notification", type="server_sync")]
    assert seen == [{"name": "critical_unblock_low", "version": version} for version in ("1", "2")]
    read = Node("sync", {}, [Node("collection", {"name": "critical_unblock_low", "version": "0"})])
    answer = client.ask("w:sync:app:state", read, kind="set").need("sync").need("collection")
    assert len(answer.need("patches").children("patch")) == 2
    with pytest.raises(ControlError):
        stage.turn(lambda turn: address_book.save_contact(turn, ann, "1999@s.whatsapp.net", "Nobody"))
