"""One session's events, in whatever way they arrive."""

from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.client.events import Missed
from gateway_worker.client.ordering import Arrivals, Recent, SessionOrder


def passed(step: Arrivals[str]) -> list[str]:
    return [each.item for each in step.passed]


def test_the_first_event_is_where_it_begins_and_the_next_ones_follow() -> None:
    order = SessionOrder[str]()
    assert [passed(order.take(number, str(number))) for number in (7, 8, 9)] == [["7"], ["8"], ["9"]]
    assert order.position == 9
    assert not order.is_behind


def test_what_came_before_is_dropped() -> None:
    order = SessionOrder[str](position=5)
    step = order.take(5, "again")
    assert (step.passed, step.dropped) == ([], ["again"]) or (list(step.passed), list(step.dropped)) == ([], ["again"])


def test_what_is_too_early_waits_until_the_replay_has_filled_the_gap() -> None:
    order = SessionOrder[str](position=3)
    assert passed(order.take(6, "live 6")) == []
    assert order.is_behind
    assert order.asked() == 4
    assert passed(order.take(4, "4")) == ["4"]
    assert passed(order.take(5, "5")) == ["5", "live 6"]
    step = order.take(6, "replayed 6")
    assert list(step.dropped) == ["replayed 6"]
    assert passed(order.replayed(last=6, count=3, newest=6)) == []
    assert not order.is_behind
    assert not order.waits_for_replay


def test_a_hole_is_one_only_when_all_that_was_replayed_has_arrived() -> None:
    order = SessionOrder[str](position=3)
    order.take(100, "100")
    order.asked()
    assert passed(order.replayed(last=100, count=3, newest=100)) == []  # its events are still on their way
    assert passed(order.take(4, "4")) == ["4"]
    step = order.take(99, "99")
    assert passed(step) == ["99", "100"]
    assert step.passed[0].missed == Missed(first=5, last=98)
    assert step.passed[1].missed is None


def test_what_is_older_than_is_kept_is_told_as_missed() -> None:
    order = SessionOrder[str](position=3)
    order.asked()
    assert passed(order.replayed(last=None, count=0, newest=10)) == []
    step = order.take(11, "11")
    assert passed(step) == ["11"]
    assert step.passed[0].missed == Missed(first=4, last=10)


def test_what_was_let_go_for_lack_of_room_is_asked_for_again() -> None:
    order = SessionOrder[str](position=0, limit=2)
    for number in (3, 4):
        assert not order.take(number, str(number)).dropped
    assert list(order.take(5, "5").dropped) == ["5"]
    assert order.asked() == 1
    assert [passed(order.take(number, f"replayed {number}")) for number in (1, 2)] == [
        ["replayed 1"],
        ["replayed 2", "3", "4"],
    ]
    order.take(3, "replayed 3")
    order.take(4, "replayed 4")
    assert passed(order.take(5, "replayed 5")) == ["replayed 5"]
    order.replayed(last=5, count=5, newest=5)
    assert not order.is_behind


def test_when_nothing_can_be_replayed_it_goes_on_with_what_is_here() -> None:
    order = SessionOrder[str](position=1)
    order.take(5, "5")
    order.asked()
    step = order.give_up()
    assert passed(step) == ["5"]
    assert step.passed[0].missed == Missed(first=2, last=4)


@given(
    st.integers(1, 40).flatmap(
        lambda size: st.tuples(
            st.sets(st.integers(1, size), min_size=1),  # what exists; the rest are holes of a restore
            st.lists(st.integers(1, size), max_size=60),  # live arrivals, in any order, some twice
            st.integers(1, 6),
        )
    )
)
def test_whatever_arrives_in_whatever_order_each_that_exists_is_passed_on_once_and_in_order(
    drawn: tuple[set[int], list[int], int],
) -> None:
    exists, arrivals, room = drawn
    order = SessionOrder[int](position=0, limit=room)
    seen: list[int] = []

    def take(number: int) -> None:
        seen.extend(each.item for each in order.take(number, number).passed)

    for number in arrivals:
        if number in exists:
            take(number)
    for _ in range(len(exists) + 1):
        first = order.asked()
        again = [number for number in sorted(exists) if number >= first]
        for number in again:
            take(number)
        newest = max(exists)
        step = order.replayed(last=again[-1] if again else None, count=len(again), newest=newest)
        seen.extend(each.item for each in step.passed)
        if not order.is_behind:
            break
    assert seen == sorted(exists)


def test_only_the_newest_keys_are_remembered() -> None:
    recent = Recent(limit=2)
    for key in ("a", "b", "a", "c"):
        recent.add(key)
    assert [key in recent for key in ("a", "b", "c")] == [True, False, True]
