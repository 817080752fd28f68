"""How statuses move."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.store.records import Json, Status
from gateway_worker.store.writing.status_order import OUR_FAULT, UNCONFIRMED, advance

REPORTS = [Status.SENT, Status.DELIVERED, Status.READ, Status.PLAYED, Status.FAILED]
ORDER = [Status.PENDING, Status.SENT, Status.DELIVERED, Status.READ, Status.PLAYED]


@given(st.lists(st.sampled_from(REPORTS), max_size=30), st.sampled_from([UNCONFIRMED, "message.rejected_by_whatsapp"]))
def test_every_status_is_told_at_most_once_and_never_backwards(reports: list[Status], code: str) -> None:
    current, error, seen = Status.PENDING, None, list[Status]()
    for report in reports:
        steps = advance(current, error, report)
        seen.extend(steps)
        current = steps[-1] if steps else current
        error = {"code": code} if current is Status.FAILED else None
    assert len(seen) == len(set(seen))
    ranks = [ORDER.index(status) for status in seen if status is not Status.FAILED]
    assert ranks == sorted(ranks)
    if Status.FAILED in seen and code != UNCONFIRMED:
        assert seen[-1] is Status.FAILED, "final, unless it was only unconfirmed"
    if seen and seen[0] is not Status.FAILED:
        assert seen[0] is Status.SENT


_S, _D, _R, _P, _F = REPORTS
REFUSED = "message.rejected_by_whatsapp"
TABLE: dict[tuple[Status, str | None], list[tuple[Status, ...]]] = {
    # where it stands             told: sent, delivered, read, played, failed
    (Status.PENDING, None): [(_S,), (_S, _D), (_S, _R), (_S, _P), (_F,)],
    (Status.SENT, None): [(), (_D,), (_R,), (_P,), ()],
    (Status.DELIVERED, None): [(), (), (_R,), (_P,), ()],
    (Status.READ, None): [(), (), (), (_P,), ()],
    (Status.PLAYED, None): [(), (), (), (), ()],
    (Status.FAILED, UNCONFIRMED): [(), (_D,), (_R,), (_P,), ()],
    (Status.FAILED, OUR_FAULT): [(_S,), (), (), (), ()],  # it was redriven, and WhatsApp has it
    (Status.FAILED, REFUSED): [(), (), (), (), ()],
    (Status.FAILED, None): [(), (), (), (), ()],
    (Status.RECEIVED, None): [(), (), (), (), ()],
}


def test_the_table_has_every_status() -> None:
    assert {current for current, _ in TABLE} == set(Status)


@pytest.mark.parametrize(
    ("current", "code", "report", "steps"),
    [
        pytest.param(current, code, report, steps, id=f"{current}-{code}-{report}")
        for (current, code), row in TABLE.items()
        for report, steps in zip(REPORTS, row, strict=True)
    ],
)
def test_a_report_moves_a_status_as_the_table_says(
    current: Status, code: str | None, report: Status, steps: tuple[Status, ...]
) -> None:
    error: Json | None = None if code is None else {"code": code}
    assert tuple(advance(current, error, report)) == steps
