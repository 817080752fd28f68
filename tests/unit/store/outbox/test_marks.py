"""How far events are published."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.store.outbox.marks import Marks
from gateway_worker.store.writing.event_ids import new_event_id
from schemas.names import SessionId
from tests.support.store.stores import NOON

ONE = SessionId("s1")


class Row:
    """The mark in the database, moved as the statement moves it."""

    def __init__(self) -> None:
        self.published = 0

    def move(self, marks: Marks) -> None:
        again = True
        while again:
            again = False
            for session, (first, last) in marks.runs().items():
                if first <= self.published + 1 and last > self.published:
                    self.published = last
                if last <= self.published:
                    again = marks.moved(session, self.published)


@given(st.integers(1, 40), st.randoms(use_true_random=False))
def test_in_whatever_order_confirmations_come_the_mark_is_the_prefix_without_a_gap(
    count: int, order: random.Random
) -> None:
    sequences = list(range(1, count + 1))
    order.shuffle(sequences)
    marks, row, confirmed = Marks(), Row(), set[int]()
    for sequence in sequences:
        marks.add([(ONE, sequence)])
        confirmed.add(sequence)
        row.move(marks)
        assert row.published == next(n for n in range(count + 1) if n + 1 not in confirmed)
    assert not marks.runs(), "nothing is held once all are confirmed"


def test_ids_of_events_sort_by_time_and_do_not_repeat() -> None:
    ids = [new_event_id(NOON) for _ in range(100)]
    assert len(set(ids)) == 100
    assert {len(each) for each in ids} == {26}
    assert len({each[:10] for each in ids}) == 1, "the first ten characters are the time"
