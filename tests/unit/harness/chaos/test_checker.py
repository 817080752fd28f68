"""Every kind of defect, made up, is found; a run without one is clean."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.chaos.accounts.checker import COUNTED_APART, Kind, check
from tests.chaos.accounts.ledgers import Acceptance, Arrival, Command, Event, Ledgers, OutboxRow, PhoneMessage, Row
from tests.chaos.accounts.statuses import beyond_memory


def command(number: int) -> Command:
    return Command(id=f"c{number}", session_id="s", phone="+1", number=number, confirmed_at=float(number))


def sent_by_phone(number: int) -> PhoneMessage:
    return PhoneMessage(message_id=f"P{number}", session_id="s", phone="+1", number=number, confirmed_at=float(number))


def status(number: int, word: str, sequence: int, code: str | None = None) -> Event:
    return Event(
        id=f"s-{sequence}",
        type="message.status.v1",
        session_id="s",
        at=float(sequence),
        sequence=sequence,
        command_id=f"c{number}",
        message_id=f"M{number}",
        status=word,
        code=code,
    )


def received(number: int, sequence: int) -> Event:
    message_id = f"P{number}"
    return Event(
        id=f"s-{sequence}", type="message.received.v1", session_id="s", at=1.0, sequence=sequence, message_id=message_id
    )


def arrival(number: int, copies: int = 1) -> Arrival:
    return Arrival(phone="+1", label=f"c{number}", message_id=f"M{number}", copies=copies)


def row(number: int, word: str = "delivered") -> Row:
    return Row(session_id="s", message_id=f"M{number}", direction="outgoing", status=word, command_id=f"c{number}")


def outbox(sequence: int, epoch: int = 1) -> OutboxRow:
    return OutboxRow(session_id="s", sequence=sequence, event_id=f"s-{sequence}", epoch=epoch)


CLEAN = Ledgers(
    commands=[command(1), command(2)],
    phone_messages=[sent_by_phone(1), sent_by_phone(2)],
    arrivals=[arrival(1), arrival(2)],
    events=[
        status(1, "sent", 11),
        status(2, "sent", 12),
        status(1, "delivered", 13),
        status(2, "delivered", 14),
        received(1, 15),
        received(2, 16),
    ],
    rows=[
        row(1),
        row(2),
        Row(session_id="s", message_id="P1", direction="incoming", status="received"),
        Row(session_id="s", message_id="P2", direction="incoming", status="received"),
    ],
    outbox=[outbox(sequence) for sequence in range(11, 17)],
    baseline={"s": 10},
    acceptances=[Acceptance(message_id="M1", at=1.0), Acceptance(message_id="M2", at=2.0)],
)


def kinds(ledgers: Ledgers) -> Counter[Kind]:
    return Counter(finding.kind for finding in check(ledgers))


def without(events: Sequence[Event], *sequences: int) -> list[Event]:
    return [event for event in events if event.sequence not in sequences]


def test_ledgers_that_match_are_clean() -> None:
    assert kinds(CLEAN) == {}


def test_a_confirmed_command_that_reached_no_phone_is_lost() -> None:
    found = kinds(replace(CLEAN, arrivals=[arrival(1)], events=without(CLEAN.events, 14), outbox=[]))
    assert found[Kind.LOST_COMMAND] == 1


@pytest.mark.parametrize("end", ["failed", "rejected"])
def test_a_command_with_a_final_answer_is_not_lost_but_counted(end: str) -> None:
    last = (
        status(2, "failed", 14, code="message.unconfirmed")
        if end == "failed"
        else Event(id="r", type="command.rejected.v1", session_id="s", at=1.0, command_id="c2", code="command.expired")
    )
    found = kinds(replace(CLEAN, arrivals=[arrival(1)], events=[*without(CLEAN.events, 14), last], outbox=[]))
    assert found[Kind.FAILED] == 1
    assert Kind.LOST_COMMAND not in found


def test_a_phones_message_without_its_event_is_lost() -> None:
    found = kinds(replace(CLEAN, events=without(CLEAN.events, 16), outbox=CLEAN.outbox[:-1]))
    assert found == {Kind.LOST_MESSAGE: 1}


def test_an_outbox_row_that_never_came_is_lost_and_a_gap() -> None:
    found = kinds(replace(CLEAN, events=without(CLEAN.events, 16)))
    assert found == {Kind.LOST_MESSAGE: 1, Kind.LOST_EVENT: 1, Kind.GAP: 1}


def test_a_row_that_is_missing_is_found() -> None:
    assert kinds(replace(CLEAN, rows=CLEAN.rows[1:-1])) == {Kind.LOST_ROW: 2}


def test_two_ids_for_one_command_are_a_double() -> None:
    twin = replace(arrival(2), message_id="M9")
    assert kinds(replace(CLEAN, arrivals=[*CLEAN.arrivals, twin]))[Kind.DOUBLED_MESSAGE] == 1


def test_copies_under_one_id_are_counted_apart() -> None:
    assert kinds(replace(CLEAN, arrivals=[arrival(1, copies=3), arrival(2)])) == {Kind.RESENT: 1}
    assert Kind.RESENT in COUNTED_APART


def test_one_fact_under_two_event_ids_is_a_double() -> None:
    twin = replace(received(2, 17), id="s-17")
    assert kinds(replace(CLEAN, events=[*CLEAN.events, twin])) == {Kind.DOUBLED_FACT: 1}


@pytest.mark.parametrize(("redelivered", "kind"), [(True, Kind.REDELIVERED_EVENT), (False, Kind.REPEATED_EVENT)])
def test_the_same_event_again_is_the_brokers_if_it_says_so(redelivered: bool, kind: Kind) -> None:  # noqa: FBT001
    again = replace(CLEAN.events[0], redelivered=redelivered)
    assert kinds(replace(CLEAN, events=[*CLEAN.events, again])) == {kind: 1}


def test_messages_in_the_wrong_order_at_the_phone_are_found() -> None:
    assert kinds(replace(CLEAN, arrivals=[arrival(2), arrival(1)])) == {Kind.OUT_OF_ORDER_AT_PHONE: 1}


def test_chats_have_no_order_between_them() -> None:
    other = replace(command(1), phone="+2")
    found = kinds(replace(CLEAN, commands=[other, command(2)], arrivals=[arrival(2), replace(arrival(1), phone="+2")]))
    assert found == {}


def test_events_that_come_against_their_sequence_are_found() -> None:
    first, second, *rest = CLEAN.events
    assert kinds(replace(CLEAN, events=[second, first, *rest])) == {Kind.OUT_OF_ORDER_EVENT: 1}


def test_a_redelivery_is_no_disorder() -> None:
    first, second, *rest = CLEAN.events
    assert kinds(replace(CLEAN, events=[second, replace(first, redelivered=True), *rest])) == {}


def test_messages_told_in_another_order_than_the_phone_sent_them_are_found() -> None:
    events = [*CLEAN.events[:4], replace(received(2, 15)), replace(received(1, 16))]
    assert kinds(replace(CLEAN, events=events)) == {Kind.LATE: 1}


def test_a_number_that_never_came_is_a_gap() -> None:
    events = [*CLEAN.events, replace(received(2, 18), type="session.status.v1", message_id=None)]
    assert kinds(replace(CLEAN, events=events)) == {Kind.GAP: 1}


def test_a_gap_before_the_first_event_of_the_scenario_is_found() -> None:
    assert kinds(replace(CLEAN, baseline={"s": 8})) == {Kind.GAP: 2}


def test_sent_without_whatsapps_ack_is_wrong() -> None:
    assert CLEAN.acceptances is not None
    first, second = CLEAN.acceptances
    assert kinds(replace(CLEAN, acceptances=[first])) == {Kind.WRONG_STATUS: 1}
    assert kinds(replace(CLEAN, acceptances=[first, replace(second, acked=False)])) == {Kind.WRONG_STATUS: 1}


def test_a_receipt_that_was_never_told_is_wrong() -> None:
    ledgers = replace(CLEAN, events=without(CLEAN.events, 14), outbox=CLEAN.outbox[:3], rows=[row(1), *CLEAN.rows[2:]])
    assert kinds(ledgers)[Kind.WRONG_STATUS] == 1


def test_a_read_that_was_never_told_is_wrong() -> None:
    read = replace(arrival(2), read=True)
    assert kinds(replace(CLEAN, arrivals=[arrival(1), read])) == {Kind.WRONG_STATUS: 1}


def test_a_status_that_falls_is_wrong() -> None:
    events = [replace(status(1, "delivered", 11)), *CLEAN.events[1:2], status(1, "sent", 13), *CLEAN.events[3:]]
    found = kinds(replace(CLEAN, events=events, rows=[row(1, "sent"), *CLEAN.rows[1:]]))
    assert found == {Kind.WRONG_STATUS: 1}


def test_failed_for_a_message_that_the_phone_has_is_wrong_unless_a_receipt_overrules_it() -> None:
    failed = [*CLEAN.events[:3], status(2, "failed", 14, code="message.unconfirmed"), *CLEAN.events[4:]]
    found = kinds(replace(CLEAN, events=failed, rows=[row(1), row(2, "failed"), *CLEAN.rows[2:]]))
    assert found == {Kind.FAILED: 1, Kind.WRONG_STATUS: 1}

    overruled = kinds(replace(CLEAN, events=[*failed, status(2, "delivered", 17)]))
    assert overruled == {Kind.FAILED: 1}


def test_a_failure_that_is_final_is_never_overruled() -> None:
    failed = [*CLEAN.events[:3], status(2, "failed", 14, code="account.restricted"), *CLEAN.events[4:]]
    found = kinds(replace(CLEAN, events=[*failed, status(2, "delivered", 17)]))
    assert found[Kind.WRONG_STATUS] == 1


def test_a_row_that_says_something_else_than_the_last_event_is_wrong() -> None:
    assert kinds(replace(CLEAN, rows=[row(1), row(2, "sent"), *CLEAN.rows[2:]])) == {Kind.WRONG_STATUS: 1}


def test_an_event_under_an_epoch_that_had_ended_is_a_stale_write() -> None:
    rows = [*CLEAN.outbox[:3], outbox(14, epoch=2), outbox(15, epoch=1), outbox(16, epoch=2)]
    assert kinds(replace(CLEAN, outbox=rows)) == {Kind.STALE_WRITE: 1}


def test_a_message_sent_again_after_the_thaw_is_a_stale_send() -> None:
    again = [*(CLEAN.acceptances or ()), Acceptance(message_id="M1", at=70.0)]
    assert kinds(replace(CLEAN, acceptances=again, thawed_at=60.0)) == {Kind.STALE_SEND: 1}
    assert kinds(replace(CLEAN, acceptances=again, thawed_at=80.0)) == {}


def test_a_receipt_is_waited_for_unless_the_message_was_told_as_sent_and_is_forgotten() -> None:
    told = replace(CLEAN, events=[status(1, "sent", 11)])
    assert beyond_memory(told) == set()
    assert beyond_memory(replace(told, forgotten=(0.0, 5.0))) == {"c1"}
    assert beyond_memory(replace(told, forgotten=(100.0, 200.0))) == set()
