"""Who is linked, and who is not."""

import pytest

from gateway_worker.simulator.errors import Conflict, Gone, Invalid
from gateway_worker.simulator.whatsapp.registration import scan
from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ClientPayload
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.model import MAX_COMPANIONS
from tests.unit.simulator.stage import Client, Stage


def test_a_companion_is_linked_restarted_and_welcomed_by_its_phone_after_its_first_upload() -> None:
    stage = Stage()
    account = stage.person()
    client = Client(stage)
    client.register()
    assert len(client.got("iq")[0].need("pair-device").children("ref")) == 6
    client.scanned_by(account)
    client.countersign()
    (error,) = client.got("stream:error")
    assert error.attrs == {"code": "515"}
    assert client.id in stage.closed
    assert not stage.closed[client.id].abrupt
    client.account = account
    client.leave()
    client.log_in()
    assert client.got("success")[0].attrs["lid"] == f"{account.lid}:1@lid"
    stage.run(10)
    assert client.got("message") == []
    client.upload()
    stage.run()
    words = [client.read(node).protocolMessage for node in client.got("message", category="peer")]
    assert [word.HasField("appStateSyncKeyShare") for word in words] == [True, False, False]
    assert all(word.HasField("historySyncNotification") for word in words[1:])
    assert {enc.attrs["type"] for node in client.got("message") for enc in node.children("enc")} == {"pkmsg"}


@pytest.mark.parametrize("business", [False, True])
def test_only_of_a_business_a_new_companion_hears_the_name_as_it_is_linked(*, business: bool) -> None:
    stage = Stage()
    account, client = stage.person(), Client(stage)
    account.business = business
    client.register()
    client.scanned_by(account)
    (success,) = [node.need("pair-success") for node in client.got("iq") if node.child("pair-success")]
    assert [node.attrs["name"] for node in success.children("biz")] == ([account.name] if business else [])


def test_a_signed_prekey_that_its_identity_did_not_sign_is_refused() -> None:
    stage = Stage()
    client = Client(stage)
    registration = client.registration()
    registration.eSkeySig = KeyPair.generate().sign(b"something else")
    client.connect(ClientPayload(devicePairingData=registration))
    assert client.got("failure")[0].attrs["reason"] == "401"
    assert stage.core.world.stats.bad_signatures == 1


def test_a_device_signature_that_does_not_verify_links_nobody() -> None:
    stage = Stage()
    account = stage.person()
    client = Client(stage)
    client.register()
    client.scanned_by(account)
    client.signal.identity = KeyPair.generate()  # countersigns with another key than it registered
    (success,) = [node for node in client.got("iq") if node.child("pair-success")]
    content = Node("device-identity", {}, success.need("pair-success").need("device-identity").data)
    sign = Node("pair-device-sign", {}, [content])
    client.say(Node("iq", {"type": "result", "id": success.attrs["id"]}, [sign]))
    assert client.got("failure")[0].attrs["reason"] == "401"
    assert stage.core.world.stats.bad_signatures == 1
    assert account.companions == []


def test_each_qr_code_may_be_scanned_until_its_time_is_over_and_the_last_ends_the_connection() -> None:
    stage = Stage()
    account = stage.person()
    client = Client(stage)
    client.register()
    stage.run(75)  # the first lasts 60 s and a little
    first, second = client.qr(0), client.qr(1)
    with pytest.raises(Gone) as gone:
        stage.turn(lambda turn: scan(turn, account, first))
    assert gone.value.code == "qr.expired"
    assert client.id not in stage.closed
    stage.run(100)
    assert client.id in stage.closed
    with pytest.raises(Gone):
        stage.turn(lambda turn: scan(turn, account, second))


@pytest.mark.parametrize("text", ["", "x", "1,2,3", "2@abc,====,x,y,z", "2@" + "a" * 3000])
def test_what_is_no_qr_code_is_refused(text: str) -> None:
    stage = Stage()
    account = stage.person()
    with pytest.raises(Invalid):
        stage.turn(lambda turn: scan(turn, account, text))


def test_a_qr_code_with_keys_that_its_client_does_not_have_is_refused() -> None:
    stage = Stage()
    account = stage.person()
    client = Client(stage)
    client.register()
    client.noise = KeyPair.generate()
    forged = client.qr()
    with pytest.raises(Invalid) as invalid:
        stage.turn(lambda turn: scan(turn, account, forged))
    assert invalid.value.code == "qr.invalid"


def test_a_phone_links_only_so_many_companions() -> None:
    stage = Stage()
    account = stage.person()
    for _ in range(MAX_COMPANIONS):
        client = Client(stage)
        client.register()
        client.pair(account)
    one_more = Client(stage)
    one_more.register()
    with pytest.raises(Conflict) as conflict:
        one_more.scanned_by(account)
    assert conflict.value.code == "phone.full"


def test_a_login_needs_the_noise_key_of_the_link_and_a_device_that_is_still_linked() -> None:
    stage = Stage()
    account = stage.person()
    client = stage.companion(account)
    client.log_in(noise=KeyPair.generate())
    assert client.got("failure")[0].attrs["reason"] == "401"
    account.devices.pop(client.number)
    client.log_in()
    assert client.got("failure")[0].attrs["reason"] == "401"
    assert stage.core.world.stats.logins_refused == 2


def test_a_second_login_replaces_the_first_and_keeps_the_device_connected() -> None:
    stage = Stage()
    account = stage.person()
    client = stage.companion(account)
    first = client.id
    client.log_in()
    (conflict,) = [node for node in stage.sent[first] if node.tag == "stream:error"]
    assert conflict.need("conflict").attrs == {"type": "replaced"}
    stage.do(stage.core.disconnected(stage.now, first))
    assert account.companions[0].connection == client.id


def test_a_logout_is_answered_and_removes_the_device() -> None:
    stage = Stage()
    account = stage.person()
    client = stage.companion(account)
    answer = client.ask("md", Node("remove-companion-device", {"jid": account.pn_jid}), kind="set")
    assert answer.attrs["type"] == "result"
    stage.run()
    assert account.companions == []
    assert client.got("stream:error")[0].need("conflict").attrs == {"type": "device_removed"}


def test_nobody_gets_past_the_door_before_login() -> None:
    stage = Stage()
    stage.person()
    client = Client(stage)
    client.register()
    before = len(stage.sent[client.id])
    client.say(Node("message", {"id": "1", "to": "15550000001@s.whatsapp.net", "type": "text"}))
    client.say(Node("iq", {"id": "2", "xmlns": "usync", "type": "get"}))
    assert len(stage.sent[client.id]) == before
    assert stage.core.world.stats.messages == 0
