from gateway_worker.cli.talk import complete
from gateway_worker.cli.terminal import qr_text


def test_a_person_need_not_type_what_is_usual() -> None:
    made = complete("session.create.v1", "ana", {"userId": "me"})

    assert made == {"sessionId": "ana", "userId": "me", "pairing": {"method": "qr"}}
    assert complete("message.send.v1", "ana", {"to": "x"}) == {"to": "x"}


def test_a_qr_code_is_a_square_of_half_blocks() -> None:
    lines = qr_text("2@some-ref,key,key,secret").plain.split("\n")

    assert len({len(line) for line in lines}) == 1
    assert abs(2 * len(lines) - len(lines[0])) <= 1
    assert set("".join(lines)) <= set(" ▀▄█")
