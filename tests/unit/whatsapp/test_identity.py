import itertools
import json
from typing import Any

import pytest

from gateway_worker.whatsapp.baileys.identity import MAX_PREKEY_ID, PREKEY_JUMP, mark, rejuvenate, revive

CREDENTIALS: dict[str, Any] = {
    "noiseKey": {"private": {"type": "Buffer", "data": "AAAA"}},
    "signedPreKey": {"keyId": 1},
    "registrationId": 77,
    "me": {"id": "15550001111:3@s.whatsapp.net", "name": "Anna"},
    "nextPreKeyId": 813,
    "firstUnuploadedPreKeyId": 813,
    "accountSyncCounter": 0,
    "routingInfo": {"type": "Buffer", "data": "CAE="},
}


def blob(**changes: Any) -> bytes:
    return json.dumps(CREDENTIALS | changes).encode()


@pytest.mark.parametrize(
    "changes", [{"routingInfo": None}, {"accountSyncCounter": 9}, {"nextPreKeyId": 900}, {"lastPropHash": "x"}]
)
def test_what_changes_at_every_login_is_not_identity(changes: dict[str, Any]) -> None:
    assert mark(blob(**changes)) == mark(blob())


@pytest.mark.parametrize(
    "changes",
    [{"noiseKey": {}}, {"signedPreKey": {"keyId": 2}}, {"me": {"name": "Ann"}}, {"nextPreKeyId": 20_000}],
)
def test_identity_and_many_used_prekeys_are_a_change(changes: dict[str, Any]) -> None:
    assert mark(blob(**changes)) != mark(blob())


def test_a_revived_device_begins_beyond_every_prekey_it_may_have_used() -> None:
    revived = json.loads(revive(blob()))

    assert revived["nextPreKeyId"] == revived["firstUnuploadedPreKeyId"] == 813 + PREKEY_JUMP
    assert {**revived, "nextPreKeyId": 813, "firstUnuploadedPreKeyId": 813} == CREDENTIALS


def test_when_the_prekey_ids_are_used_up_it_says_so() -> None:
    with pytest.raises(ValueError, match="pair the session again"):
        revive(blob(nextPreKeyId=2**24 - PREKEY_JUMP))


def test_two_lives_from_one_copy_share_no_prekey_and_none_is_ever_beyond_three_bytes() -> None:
    firsts = [json.loads(rejuvenate(blob(), lives))["nextPreKeyId"] for lives in range(1, 600)]
    assert firsts[:2] == [813 + PREKEY_JUMP, 813 + 2 * PREKEY_JUMP]
    assert all(0 < first <= MAX_PREKEY_ID - PREKEY_JUMP for first in firsts)
    assert all(abs(one - other) >= PREKEY_JUMP // 2 for one, other in itertools.pairwise(firsts))


def test_what_are_no_credentials_is_refused() -> None:
    with pytest.raises(ValueError, match="no credentials"):
        revive(b"[]")
