"""Prekeys: what the server keeps, hands out once, and refuses."""

import hashlib

import pytest

from gateway_worker.simulator.whatsapp.bundles import LOW
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.nodes import Node
from tests.unit.simulator.stage import Client, Stage


@pytest.fixture
def client(stage: Stage) -> Client:
    return stage.companion(stage.person())


def count(client: Client) -> int:
    return int(client.ask("encrypt", Node("count")).need("count").attrs["value"])


def test_every_bundle_has_another_one_time_prekey_and_the_count_falls(client: Client) -> None:
    start = count(client)
    jid = f"{client.account.phone}:1@s.whatsapp.net" if client.account else ""
    ids = {client.bundle(jid).prekey_id for _ in range(5)}
    assert len(ids) == 5
    assert count(client) == start - 5


def test_a_companion_is_told_when_it_runs_low_and_gets_bundles_without_prekeys_at_the_end(client: Client) -> None:
    assert client.account
    jid = client.account.companions[0].jid()
    for _ in range(count(client)):
        assert client.bundle(jid).prekey_id is not None
    assert client.bundle(jid).prekey_id is None
    seen = [int(node.need("count").attrs["value"]) for node in client.got("notification", type="encrypt")]
    assert seen == sorted(LOW, reverse=True)


def test_a_spent_prekey_is_not_accepted_again(stage: Stage, client: Client) -> None:
    assert client.account
    spent = client.bundle(client.account.companions[0].jid()).prekey_id
    before = count(client)
    assert client.upload(count=1, first=spent).attrs["type"] == "result"
    assert count(client) == before
    assert stage.core.world.stats.reused_prekeys == 1


def test_the_digest_is_over_what_the_server_holds(client: Client) -> None:
    assert client.account
    device = client.account.companions[0]
    digest = client.ask("encrypt", Node("digest")).need("digest")
    key = device.signed_prekey
    whole = device.identity + key.public + key.signature + b"".join(device.prekeys.values())
    assert digest.need("hash").data == hashlib.sha1(whole).digest()
    assert [node.data for node in digest.need("list").children("id")] == list(device.prekeys)


def test_without_a_record_the_digest_is_404_so_that_the_client_uploads_again(stage: Stage) -> None:
    account = stage.person()
    client = Client(stage)
    client.register()
    client.pair(account)
    client.log_in()
    answer = client.ask("encrypt", Node("digest"))
    assert (answer.attrs["type"], answer.need("error").attrs["code"]) == ("error", "404")


def test_a_signed_prekey_of_another_identity_is_refused_in_upload_and_rotation(stage: Stage, client: Client) -> None:
    other = KeyPair.generate()
    client.signal.signed_prekey_signature = other.sign(b"\x05" + client.signal.signed_prekey.pair.public)
    assert client.upload().need("error").attrs["code"] == "406"
    rotated = client.ask("encrypt", Node("rotate", {}, [client.signed_prekey()]), kind="set")
    assert rotated.need("error").attrs["code"] == "406"
    assert stage.core.world.stats.bad_signatures == 2


def test_an_unknown_device_is_one_error_among_the_bundles(client: Client) -> None:
    users = [Node("user", {"jid": "19990001111@s.whatsapp.net"}), Node("user", {"jid": "15550000001@s.whatsapp.net"})]
    listed = client.ask("encrypt", Node("key", {}, users)).need("list").children("user")
    assert listed[0].need("error").attrs["code"] == "406"
    assert listed[1].child("identity")


def test_bundles_of_companions_carry_their_signed_identity_those_of_phones_do_not(client: Client) -> None:
    users = [Node("user", {"jid": f"15550000001{device}@s.whatsapp.net"}) for device in ("", ":1")]
    phone, companion = client.ask("encrypt", Node("key", {}, users)).need("list").children("user")
    assert phone.child("device-identity") is None
    assert companion.need("device-identity").data == client.identity


@pytest.mark.parametrize("missing", ["registration", "identity", "list", "skey"])
def test_an_upload_without_a_part_is_a_bad_request(stage: Stage, client: Client, missing: str) -> None:
    key = Node("key", {}, [Node("id", {}, b"\0\1\1"), Node("value", {}, bytes(32))])
    content = [node for node in client.upload_nodes([key]) if node.tag != missing]
    answer = client.ask("encrypt", *content, kind="set")
    assert answer.need("error").attrs["code"] == "400"
    assert stage.core.world.stats.malformed == 1
