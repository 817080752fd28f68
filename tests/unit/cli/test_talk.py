import pytest

from gateway_worker.cli.talk import complete, routing_key_of
from gateway_worker.cli.terminal import qr_text


@pytest.mark.parametrize(
    ("command_type", "subject", "expected"),
    [
        ("session.create.v1", "ana", "sessions.create.ana"),
        ("message.send.v1", "ana", "session.ana"),
        ("session.describe.v1", "ana", "control.ana"),
        ("session.migrate.v1", "ana", "control.ana"),
        ("session.list.v1", None, "control"),
        ("session.list.v1", "ana", "control"),
        ("worker.describe.v1", "worker-001", "worker.worker-001"),
        ("worker.drain.v1", "worker-001", "worker.worker-001"),
        ("no.such.v1", "ana", "control"),
    ],
)
def test_each_command_goes_to_its_door(command_type: str, subject: str | None, expected: str) -> None:
    assert routing_key_of(command_type, subject) == expected


def test_a_person_need_not_type_what_is_usual() -> None:
    made = complete("session.create.v1", "ana", {"userId": "me"})

    assert made == {"sessionId": "ana", "userId": "me", "pairing": {"method": "qr"}}
    assert complete("message.send.v1", "ana", {"to": "x"}) == {"to": "x"}


def test_a_qr_code_is_a_square_of_half_blocks() -> None:
    lines = qr_text("2@some-ref,key,key,secret").plain.split("\n")

    assert len({len(line) for line in lines}) == 1
    assert abs(2 * len(lines) - len(lines[0])) <= 1
    assert set("".join(lines)) <= set(" ▀▄█")
