"""Signatures: the example of Standard Webhooks' own specification, and what is no secret."""

import base64

import pytest

from gateway_worker.webhooks.signing import read_secret, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_specifications_example_has_its_signature() -> None:
    headers = signed([read_secret(SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_secrets_are_changed_each_signs() -> None:
    keys = [read_secret(f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}") for number in (1, 2)]
    both = signed(keys, "m", 1, b"{}")["webhook-signature"].split()
    assert both == [signed([key], "m", 1, b"{}")["webhook-signature"] for key in keys]


def test_without_a_secret_there_is_no_signature() -> None:
    assert set(signed([], "m", 1, b"{}")) == {"webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize(
    "text",
    ["", "whsec_", "secret", SECRET.removeprefix("whsec_"), "whsec_c2hvcnQ=", "whsec_not base64", f"whsec_{'A' * 100}"],
)
def test_what_is_no_secret_is_refused_with_the_command_that_makes_one(text: str) -> None:
    with pytest.raises(ValueError, match="openssl rand"):
        read_secret(text)
