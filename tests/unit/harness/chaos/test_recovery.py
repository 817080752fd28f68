from tests.chaos.accounts.ledgers import Event
from tests.chaos.accounts.recovery import Sample, recovery


def sent(session_id: str, received_at: float, at: float) -> Event:
    return Event(
        id=f"{session_id}-{at}",
        type="message.status.v1",
        session_id=session_id,
        at=at,
        received_at=received_at,
        status="sent",
    )


def test_each_session_is_back_with_its_first_new_success() -> None:
    events = [sent("a", 9, 12), sent("a", 11, 13), sent("a", 14, 14), sent("b", 15, 15)]
    found = recovery(events, ["a", "b"], [], struck=10, since=10, usual=5)
    assert (found.first, found.p99, found.never) == (3, 5, ())


def test_a_session_that_never_works_again_is_named() -> None:
    found = recovery([sent("a", 11, 11)], ["a", "b"], [], struck=10, since=10, usual=5)
    assert found.never == ("b",)


def test_the_backlog_is_gone_when_it_was_last_larger_than_usual() -> None:
    samples = [Sample(at=9, outstanding=50), Sample(at=12, outstanding=40), Sample(at=13, outstanding=5)]
    assert recovery([], [], samples, struck=10, since=10, usual=5).drained == 2
    assert recovery([], [], samples, struck=10, since=12.5, usual=5).drained == 0


def test_what_was_done_during_the_fault_counts_when_it_is_told_after_it() -> None:
    found = recovery([sent("a", 11, 16)], ["a"], [], struck=10, since=15, usual=5)
    assert found.first == 1
