"""What may be told of a message: never backwards, nothing that is not so, and nothing that is so left out. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from tests.chaos.accounts.ledgers import Arrival, Event, Ledgers, in_sequence

_RANK: Final = {"sent": 1, "delivered": 2, "read": 3, "played": 4}
_OVERRULED: Final = "message.unconfirmed"
"""The one failure that a later receipt may overrule."""


def wrong_statuses(ledgers: Ledgers) -> Iterator[str]:
    """One sentence for each status that is wrong or missing, with ids alone."""
    published: defaultdict[str, list[Event]] = defaultdict(list)
    for event in in_sequence(ledgers.events):
        if event.type == "message.status.v1" and event.command_id is not None:
            published[event.command_id].append(event)
    arrivals = {arrival.label: arrival for arrival in ledgers.arrivals}
    for command in ledgers.commands:
        faults = list(_course(published[command.id]))
        if not ledgers.was_forgotten(command.confirmed_at):  # else its receipts find no row that they could change
            faults += _against_phone(published[command.id], arrivals.get(command.id))
        for fault in faults:
            yield f"{command.session_id} command {command.id}: {fault}"
    yield from _against_server(ledgers)
    yield from _against_rows(ledgers, published)


def beyond_memory(ledgers: Ledgers) -> set[str]:
    """Commands told as sent, whose row a restored PostgreSQL does not have: a receipt finds nothing to change."""
    sent = {event.command_id for event in ledgers.events if event.status == "sent"}
    return {each.id for each in ledgers.commands if each.id in sent and ledgers.was_forgotten(each.confirmed_at)}


def _course(published: Sequence[Event]) -> Iterator[str]:
    highest = 0
    failure: Event | None = None
    for event in published:
        rank = _RANK.get(event.status or "", 0)
        if failure is not None and failure.code != _OVERRULED:
            yield f"{event.status} after failed ({failure.code})"
        if event.status == "failed":
            failure = event
            if highest >= _RANK["delivered"]:
                yield f"failed ({event.code}) after a receipt"
        elif rank < highest:
            yield f"{event.status} told after a higher status"
        highest = max(rank, highest)


def _against_phone(published: Sequence[Event], arrival: Arrival | None) -> Iterator[str]:
    statuses = [event.status for event in published]
    if arrival is None:
        if "delivered" in statuses or "read" in statuses:
            yield "a receipt told for a message that no phone has"
        return
    if statuses and statuses[-1] == "failed":
        yield f"failed ({published[-1].code}), but the phone has it"
    elif "delivered" not in statuses and "read" not in statuses:
        yield "delivered never told, though the phone has it"
    if arrival.read and "read" not in statuses:
        yield "read never told, though the phone read it"


def _against_server(ledgers: Ledgers) -> Iterator[str]:
    if ledgers.acceptances is None:
        return
    acked = {acceptance.message_id for acceptance in ledgers.acceptances if acceptance.acked}
    for event in ledgers.events:
        if event.status == "sent" and event.message_id not in acked:
            yield f"{event.session_id} message {event.message_id}: sent told, but WhatsApp never acknowledged it"


def _against_rows(ledgers: Ledgers, published: dict[str, list[Event]]) -> Iterator[str]:
    for row in ledgers.rows:
        events = published.get(row.command_id or "", ())
        statuses = [event.status for event in events if event.status is not None]
        if any(ledgers.was_forgotten(event.received_at) for event in events):
            continue  # the row is as old as the dump
        if statuses and row.status != statuses[-1]:
            yield f"{row.session_id} message {row.message_id}: row {row.status}, last told {statuses[-1]}"
