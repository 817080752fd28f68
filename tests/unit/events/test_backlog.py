"""Which event is next: in sequence, none twice, none missing."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway_worker.events.backlog import Backlog
from gateway_worker.store.records import OutboxEvent
from schemas.names import SessionId
from tests.support.store.outbox import outbox_event

S = SessionId("s")


def drain(backlog: Backlog) -> list[int]:
    """Publish all that is next; its sequences."""
    published: list[OutboxEvent] = []
    while (event := backlog.next()) is not None:
        backlog.published(event)
        published.append(event)
    return [event.sequence for event in published]


def live(up_to: int = 0) -> Backlog:
    """A backlog whose session is live and published up to a sequence."""
    backlog = Backlog()
    backlog.note(outbox_event("s", up_to + 1))
    backlog.catch_up(S, [outbox_event("s", up_to + 1)], complete=True, announced=up_to + 1)
    drain(backlog)
    return backlog


def test_the_first_event_of_a_session_needs_no_database() -> None:
    backlog = Backlog()
    assert backlog.note(outbox_event("s", 1)) is False
    assert drain(backlog) == [1]


def test_a_session_that_is_new_here_is_read_first() -> None:
    backlog = Backlog()
    assert backlog.note(outbox_event("s", 7)) is True
    assert drain(backlog) == []
    assert backlog.catch_up(S, [outbox_event("s", n) for n in (5, 6, 7)], complete=True, announced=7) is True
    assert drain(backlog) == [5, 6, 7]


def test_what_an_earlier_owner_published_is_not_waited_for() -> None:
    backlog = Backlog()
    backlog.note(outbox_event("s", 7))
    assert backlog.catch_up(S, [], complete=True, announced=7) is True
    assert backlog.session(S).is_idle
    assert backlog.note(outbox_event("s", 8)) is False
    assert drain(backlog) == [8]


def test_what_was_dropped_is_read_again_before_anything_else() -> None:
    backlog = live()
    backlog.note(outbox_event("s", 2))
    backlog.note(outbox_event("s", 3))
    under_way = backlog.next()
    assert under_way is not None
    backlog.drop([S])
    assert backlog.note(outbox_event("s", 4)) is True
    backlog.put_back([under_way])
    assert drain(backlog) == []
    assert len(backlog) == 0
    backlog.catch_up(S, [outbox_event("s", n) for n in (3, 4)], complete=True, announced=4)
    assert drain(backlog) == [3, 4]
    assert backlog.session(S).is_idle


def test_refused_events_are_dropped_too() -> None:
    backlog = live()
    backlog.note(outbox_event("s", 2))
    refused = backlog.next()
    assert refused is not None
    backlog.refuse(refused)
    backlog.drop([S])
    backlog.retry(S)
    assert drain(backlog) == []
    assert len(backlog) == 0


def test_a_commit_during_the_read_is_read_too() -> None:
    backlog = Backlog()
    backlog.note(outbox_event("s", 7))
    backlog.session(S).reading = True
    assert backlog.note(outbox_event("s", 8)) is False
    assert backlog.catch_up(S, [outbox_event("s", 7)], complete=True, announced=7) is False
    assert backlog.catch_up(S, [outbox_event("s", 8)], complete=True, announced=8) is True
    assert drain(backlog) == [7, 8]


def test_a_missing_sequence_is_read() -> None:
    backlog = live(up_to=1)
    assert backlog.note(outbox_event("s", 4)) is True
    backlog.catch_up(S, [outbox_event("s", 3), outbox_event("s", 4)], complete=True, announced=4)
    assert drain(backlog) == [3, 4]


def test_an_event_told_twice_goes_out_once() -> None:
    backlog = live()
    backlog.note(outbox_event("s", 2))
    backlog.note(outbox_event("s", 2))
    backlog.catch_up(S, [outbox_event("s", 1), outbox_event("s", 2)], complete=True, announced=2)
    assert drain(backlog) == [2]


def test_an_event_told_twice_costs_no_look_at_the_database() -> None:
    backlog = live()
    event = outbox_event("s", 2)
    assert [backlog.note(event), backlog.note(event)] == [False, False]
    assert not backlog.session(S).behind


def test_beyond_its_bound_events_stay_in_the_database() -> None:
    backlog = Backlog(max_held=2)
    assert [backlog.note(outbox_event("s", n)) for n in (1, 2, 3)] == [False, False, True]
    assert not backlog.has_room
    assert drain(backlog) == [1, 2]
    assert backlog.has_room
    backlog.catch_up(S, [outbox_event("s", 3)], complete=True, announced=3)
    assert drain(backlog) == [3]


def test_what_was_under_way_goes_first_again() -> None:
    backlog = live()
    for n in (2, 3, 4):
        backlog.note(outbox_event("s", n))
    under_way = [backlog.next(), backlog.next()]
    backlog.put_back([event for event in under_way if event is not None])
    assert drain(backlog) == [2, 3, 4]


def test_a_refused_event_holds_back_its_session_only() -> None:
    backlog = Backlog()
    for session_id, n in (("s", 1), ("s", 2), ("t", 1), ("s", 3)):
        backlog.note(outbox_event(session_id, n))
    first, second = backlog.next(), backlog.next()
    assert first is not None
    assert second is not None
    assert backlog.refuse(second) is True
    assert backlog.refuse(first) is False
    others = backlog.next()
    assert others is not None
    assert others.session_id == "t"
    assert backlog.next() is None
    backlog.retry(S)
    backlog.retry(S)  # once more says nothing new
    probe = backlog.next()
    assert probe is not None
    assert probe.sequence == 1
    assert backlog.next() is None, "what follows would overtake it if only then there were room"
    assert backlog.refuse(probe) is True
    backlog.retry(S)
    probe = backlog.next()
    assert probe is not None
    backlog.published(probe)
    assert drain(backlog) == [2, 3]


class AnyLife(RuleBasedStateMachine):
    """One session's events through commits, reads, broken pipes, refusals and restarts of the process."""

    def __init__(self) -> None:
        super().__init__()
        self.committed: list[OutboxEvent] = []
        self.marked: set[int] = set()
        self.arrived: dict[int, None] = {}
        self.backlog = Backlog(max_held=4)

    @rule(announced=st.booleans())
    def commit(self, *, announced: bool) -> None:
        event = outbox_event("s", len(self.committed) + 1)
        self.committed.append(event)
        if announced:
            self.backlog.note(event)

    @rule()
    def publish(self) -> None:
        while (event := self.backlog.next()) is not None:
            self.arrived.setdefault(event.sequence)
            self.marked.add(event.sequence)
            self.backlog.published(event)

    @rule()
    def break_with_a_confirm_lost(self) -> None:
        under_way = [event for event in (self.backlog.next(), self.backlog.next()) if event is not None]
        for event in under_way[:1]:
            self.arrived.setdefault(event.sequence)
        self.backlog.put_back(under_way)

    @rule()
    def refuse(self) -> None:
        if (event := self.backlog.next()) is not None:
            self.backlog.refuse(event)

    @rule()
    def retry(self) -> None:
        self.backlog.retry(S)

    @rule()
    def read(self) -> None:
        session = self.backlog.session(S)
        live = False
        while self.backlog.has_room and not live:
            announced = session.announced
            rows = [e for e in self.committed if e.sequence > (session.taken or 0) and e.sequence not in self.marked]
            live = self.backlog.catch_up(S, rows[:2], complete=len(rows) < 2, announced=announced)

    @rule()
    def restart(self) -> None:
        self.backlog = Backlog(max_held=4)

    @invariant()
    def first_arrivals_are_in_sequence(self) -> None:
        assert list(self.arrived) == list(range(1, len(self.arrived) + 1))

    def teardown(self) -> None:
        self.retry()
        for _ in range(len(self.committed) + 1):
            self.read()
            self.publish()
        assert len(self.arrived) == len(self.committed)
        self.first_arrivals_are_in_sequence()


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=60)
