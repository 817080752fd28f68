"""How statuses move."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.store.ledger import OUR_FAULT, UNCONFIRMED, advance
from gateway_worker.store.records import Json, Status

REPORTS = [Status.SENT, Status.DELIVERED, Status.READ, Status.PLAYED, Status.FAILED]
ORDER = [Status.PENDING, Status.SENT, Status.DELIVERED, Status.READ, Status.PLAYED]


@given(st.lists(st.sampled_from(REPORTS), max_size=30), st.sampled_from([UNCONFIRMED, "message.rejected_by_whatsapp"]))
def test_every_status_is_told_at_most_once_and_never_backwards(reports: list[Status], code: str) -> None:
    current, error, told = Status.PENDING, None, list[Status]()
    for report in reports:
        steps = advance(current, error, report)
        told.extend(steps)
        current = steps[-1] if steps else current
        error = {"code": code} if current is Status.FAILED else None
    assert len(told) == len(set(told))
    ranks = [ORDER.index(status) for status in told if status is not Status.FAILED]
    assert ranks == sorted(ranks)
    if Status.FAILED in told and code != UNCONFIRMED:
        assert told[-1] is Status.FAILED, "final, unless it was only unconfirmed"
    if told and told[0] is not Status.FAILED:
        assert told[0] is Status.SENT


@pytest.mark.parametrize(
    ("current", "error", "report", "steps"),
    [
        (Status.PENDING, None, Status.READ, (Status.SENT, Status.READ)),
        (Status.PENDING, None, Status.FAILED, (Status.FAILED,)),
        (Status.SENT, None, Status.FAILED, (Status.FAILED,)),
        (Status.DELIVERED, None, Status.FAILED, ()),
        (Status.READ, None, Status.DELIVERED, ()),
        (Status.FAILED, {"code": UNCONFIRMED}, Status.DELIVERED, (Status.DELIVERED,)),
        (Status.FAILED, {"code": UNCONFIRMED}, Status.SENT, ()),
        (Status.FAILED, {"code": "message.rejected_by_whatsapp"}, Status.DELIVERED, ()),
        (Status.FAILED, {"code": OUR_FAULT}, Status.SENT, (Status.SENT,)),
        (Status.FAILED, {"code": OUR_FAULT}, Status.READ, (Status.READ,)),
        (Status.FAILED, {"code": OUR_FAULT}, Status.FAILED, ()),
        (Status.FAILED, None, Status.FAILED, ()),
        (Status.RECEIVED, None, Status.READ, ()),
    ],
)
def test_a_report_moves_a_status_so(
    current: Status, error: Json | None, report: Status, steps: tuple[Status, ...]
) -> None:
    assert tuple(advance(current, error, report)) == steps
