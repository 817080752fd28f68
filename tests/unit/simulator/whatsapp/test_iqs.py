"""Queries: user sync, device lists and their hashes, app state, groups, and what nobody knows."""

import json

import pytest

from gateway_worker.simulator.control import person_actions
from gateway_worker.simulator.phone.phone import go_offline
from gateway_worker.simulator.whatsapp.appstate import stored
from gateway_worker.simulator.whatsapp.login import remove_device
from gateway_worker.simulator.wire.app_state import IV_SIZE, AppStateKey, Setting, write_patch
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ExternalBlobReference, SyncActionValue, SyncdPatch
from gateway_worker.simulator.wire.linking.pairing import device_hash
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.model import Account
from tests.unit.simulator.stage import Client, Stage

BOB = "15550000002"


@pytest.fixture
def a(stage: Stage, ann: Account) -> Client:
    return stage.companion(ann)


def sync(client: Client, protocols: list[Node], users: list[Node]) -> list[Node]:
    """The users in the answer to a usync."""
    query = Node("usync", {"sid": "1", "mode": "query"}, [Node("query", {}, protocols), Node("list", {}, users)])
    return client.ask("usync", query).need("usync").need("list").children("user")


def test_devices_are_listed_with_the_phone_the_lid_and_a_hash(stage: Stage, bob: Account, a: Client) -> None:
    stage.companion(bob)
    (user,) = sync(a, [Node("devices"), Node("lid")], [Node("user", {"jid": bob.pn_jid})])
    assert user.need("lid").attrs["val"] == bob.lid_jid
    listed = user.need("devices").need("device-list")
    assert [device.attrs for device in listed.children()] == [{"id": "0"}, {"id": "1", "key-index": "1"}]
    assert listed.attrs["hash"] == device_hash([(BOB, 0, "s.whatsapp.net"), (BOB, 1, "s.whatsapp.net")])
    assert user.need("devices").need("key-index-list").data


def test_baileys_asks_by_number_and_hears_who_is_there(bob: Account, a: Client) -> None:
    users = [Node("user", {}, [Node("contact", {}, text)]) for text in (f"+{BOB}".encode(), b"+19990001111", b"???")]
    answers = sync(a, [Node("contact")], users)
    assert [user.need("contact").attrs["type"] for user in answers] == ["in", "out", "out"]
    assert answers[0].attrs == {"jid": bob.pn_jid}


def test_whatsmeow_asks_for_a_lid_and_gets_its_own_text_back(bob: Account, a: Client) -> None:
    text = f"+{BOB}@c.us".encode()
    (user,) = sync(a, [Node("contact", {"addressing_mode": "lid"})], [Node("user", {}, [Node("contact", {}, text)])])
    assert user.attrs == {"jid": bob.lid_jid, "pn_jid": bob.pn_jid}
    assert user.need("contact").content == text


def test_those_who_asked_are_told_of_new_and_removed_devices_with_matching_hashes(
    stage: Stage, bob: Account, a: Client
) -> None:
    sync(a, [Node("devices")], [Node("user", {"jid": bob.pn_jid})])
    stage.companion(bob)
    by_pn, by_lid = a.got("notification", type="devices")
    assert (by_pn.attrs["from"], by_pn.attrs["lid"], by_lid.attrs["from"]) == (bob.pn_jid, bob.lid_jid, bob.lid_jid)
    both = [(BOB, 0, "s.whatsapp.net"), (BOB, 1, "s.whatsapp.net")]
    lids = [(bob.lid, 0, "lid"), (bob.lid, 1, "lid")]
    added = by_pn.need("add")
    assert added.attrs == {"device_hash": device_hash(both), "device_lid_hash": device_hash(lids)}
    assert by_lid.need("add").attrs == {"device_hash": device_hash(lids)}
    assert added.need("device").attrs == {"jid": f"{BOB}:1@s.whatsapp.net", "lid": f"{bob.lid}:1@lid", "key-index": "1"}
    device = bob.companions[0]
    stage.turn(lambda turn: remove_device(turn, device, notify=True))
    removed = a.got("notification", type="devices")[2].need("remove")
    assert removed.attrs["device_hash"] == device_hash(both[:1])


def test_own_companions_get_the_full_list(stage: Stage, ann: Account, a: Client) -> None:
    stage.companion(ann)
    (note,) = a.got("notification", type="account_sync")
    devices = note.need("devices")
    triples = [(ann.phone, number, "s.whatsapp.net") for number in (0, 1, 2)]
    assert devices.attrs["dhash"] == device_hash(triples)
    assert [device.attrs["jid"] for device in devices.children("device")] == [d.jid() for d in ann.devices.values()]


def patch_of(account: Account, name: str, version: int, *, key: AppStateKey | None = None) -> Node:
    """A write to a collection."""
    setting = Setting(index=["pin_v1", "1@lid"], action=SyncActionValue())
    id_, secret = list(account.primary.app_state_keys.items())[-1]
    known = stored(account, name).standing
    patch = write_patch(known, [setting], key=key or AppStateKey(id=id_, secret=secret), ivs=[bytes(IV_SIZE)])
    return Node("sync", {}, [Node("collection", {"name": name, "version": str(version)}, [Node("patch", {}, patch)])])


def test_app_state_is_versioned_and_others_are_told(stage: Stage, ann: Account, a: Client) -> None:
    a2 = stage.companion(ann)
    written = a.ask("w:sync:app:state", patch_of(ann, "regular", 0), kind="set")
    assert written.need("sync").need("collection").attrs["version"] == "1"
    behind = a2.ask("w:sync:app:state", patch_of(ann, "regular", 0), kind="set").need("sync").need("collection")
    assert (behind.attrs["type"], behind.need("error").attrs["code"]) == ("error", "409")
    (note,) = a2.got("notification", type="server_sync")
    assert note.need("collection").attrs == {"name": "regular", "version": "1"}
    read = Node("sync", {}, [Node("collection", {"name": "regular", "version": "0", "return_snapshot": "true"})])
    answer = a2.ask("w:sync:app:state", read, kind="set").need("sync").need("collection")
    (patch,) = answer.need("patches").children("patch")
    parsed = SyncdPatch.FromString(patch.data)
    assert (parsed.version.version, len(parsed.mutations)) == (1, 1)
    (entry,) = [each for each in ann.primary.app_state.values() if each.collection == "regular"]
    assert (entry.index, entry.device) == (("pin_v1", "1@lid"), 1)
    again = a2.ask("w:sync:app:state", read, kind="set").need("sync").need("collection")
    assert ExternalBlobReference.FromString(again.need("snapshot").data).directPath


def test_a_patch_that_is_sealed_with_another_key_is_refused(ann: Account, a: Client, stage: Stage) -> None:
    (id_,) = ann.primary.app_state_keys
    forged = patch_of(ann, "regular", 0, key=AppStateKey(id=id_, secret=bytes(32)))
    answer = a.ask("w:sync:app:state", forged, kind="set").need("sync").need("collection")
    assert (answer.attrs["type"], answer.need("error").attrs["code"]) == ("error", "400")
    assert stage.core.world.stats.app_state_refused_causes == {"patch_mac": 1}
    assert stored(ann, "regular").standing.version == 0


@pytest.mark.parametrize(
    "query",
    [
        Node("sync", {}, [Node("collection", {"name": "secrets"})]),
        Node("sync", {}, [Node("collection", {})]),
    ],
)
def test_what_is_no_app_state_is_a_bad_request(a: Client, query: Node) -> None:
    assert a.ask("w:sync:app:state", query, kind="set").need("error").attrs["code"] == "400"


def test_a_group_is_known_to_its_members_only(stage: Stage, bob: Account, a: Client) -> None:
    eve = stage.companion(stage.person("15550000003"))
    b = stage.companion(bob)
    create = Node("create", {"subject": "us", "key": "k"}, [Node("participant", {"jid": bob.pn_jid})])
    group = a.ask("w:g2", create, kind="set", to="g.us").need("group")
    jid = f"{group.attrs['id']}@g.us"
    assert b.got("notification", type="w:gp2")[0].need("create").attrs["key"] == "k"
    query = Node("query", {"request": "interactive"})
    assert b.ask("w:g2", query, to=jid).need("group").attrs["subject"] == "us"
    assert eve.ask("w:g2", query, to=jid).need("error").attrs["code"] == "403"
    assert eve.ask("w:g2", query, to="1@g.us").need("error").attrs["code"] == "404"
    for client, count in ((a, 1), (b, 1), (eve, 0)):
        groups = client.ask("w:g2", Node("participating")).need("groups")
        assert len(groups.children("group")) == count


def test_presence_reaches_those_who_subscribed(stage: Stage, bob: Account, a: Client) -> None:
    b = stage.companion(bob)
    a.say(Node("presence", {"type": "subscribe", "to": bob.pn_jid}))
    b.say(Node("presence", {"type": "available", "name": "Bobby"}))
    stage.turn(lambda turn: go_offline(turn, bob.primary))
    b.say(Node("presence", {"type": "unavailable"}))
    states = [node.attrs["type"] for node in a.got("presence")]
    assert states == ["available", "available", "available", "unavailable"]  # the last device that leaves counts
    assert bob.name == "Bobby"


def test_a_query_that_nobody_knows_is_answered_and_counted(stage: Stage, a: Client) -> None:
    answer = a.ask("w:unheard-of", Node("x"))
    assert (answer.attrs["type"], answer.need("error").attrs["code"]) == ("error", "501")
    assert stage.core.world.stats.unknown_iqs == 1


@pytest.mark.parametrize(
    ("namespace", "query"),
    [
        ("w:p", Node("ping")),
        ("urn:xmpp:whatsapp:dirty", Node("clean")),
        ("abt", Node("props")),
        ("blocklist", Node("x")),
        ("privacy", Node("privacy")),
        ("privacy", Node("tokens")),
        ("w:m", Node("media_conn")),
        ("w:stats", Node("add")),
        ("passive", Node("active")),
    ],
)
def test_the_small_queries_have_results(a: Client, namespace: str, query: Node) -> None:
    assert a.ask(namespace, query).attrs["type"] == "result"


def test_a_status_text_is_set_and_found(stage: Stage, ann: Account, bob: Account, a: Client) -> None:
    b = stage.companion(bob)
    assert sync(b, [Node("status")], [Node("user", {"jid": ann.pn_jid})])[0].need("status").data == b"Available"
    a.ask("status", Node("status", {}, b"At work"), kind="set")
    assert sync(b, [Node("status")], [Node("user", {"jid": ann.pn_jid})])[0].need("status").data == b"At work"
    words = json.dumps({"variables": {"input": {"text": "At home"}}}).encode()
    assert b"SUCCESS" in a.ask("w:mex", Node("query", {"query_id": "1"}, words)).need("result").data
    assert ann.about == "At home"


def test_a_contact_link_leads_to_its_owner_until_it_is_revoked(stage: Stage, ann: Account, bob: Account) -> None:
    a, b = stage.companion(ann), stage.companion(bob)
    asked = Node("qr", {"type": "contact", "action": "get"})
    code = a.ask("w:qr", asked, kind="set").need("qr").attrs["code"]
    assert a.ask("w:qr", asked, kind="set").need("qr").attrs["code"] == code
    found = b.ask("w:qr", Node("qr", {"code": code})).need("qr").attrs
    assert (found["jid"], found["notify"], found["type"]) == (ann.pn_jid, ann.name, "contact")
    assert (
        a.ask("w:qr", Node("qr", {"type": "contact", "action": "revoke"}), kind="set").need("qr").attrs["code"] != code
    )
    assert b.ask("w:qr", Node("qr", {"code": code})).need("error").attrs["code"] == "404"


@pytest.mark.parametrize(
    ("query", "answer"),
    [(b'{"variables": {}}', ""), (b'{"variables": {"newsletter_id": "1"}}', "501"), (b"[]", "400"), (b"{", "400")],
)
def test_nobody_follows_a_channel(a: Client, query: bytes, answer: str) -> None:
    seen = a.ask("w:mex", Node("query", {"query_id": "1"}, query))
    if answer:
        assert seen.need("error").attrs["code"] == answer
    else:
        assert json.loads(seen.need("result").data) == {"data": {"xwa2_newsletter_subscribed": []}}


def test_a_companion_learns_its_own_name_and_hears_of_another(stage: Stage, ann: Account, a: Client) -> None:
    read = Node("sync", {}, [Node("collection", {"name": "critical_block", "version": "0"})])
    answer = a.ask("w:sync:app:state", read, kind="set").need("sync").need("collection")
    assert answer.attrs["version"] == "1"
    assert not a.got("notification", type="server_sync"), "it was there before the companion was"
    stage.turn(lambda turn: person_actions.add_phone(turn, ann.phone, "Ann Other", passkey=False))
    (note,) = a.got("notification", type="server_sync")
    assert note.need("collection").attrs == {"name": "critical_block", "version": "2"}
