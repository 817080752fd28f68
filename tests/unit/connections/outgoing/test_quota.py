"""Messages per minute and per day."""

from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.connections.outgoing.limits import DAY, MINUTE, Window


def test_a_window_with_room_lets_a_message_go_now() -> None:
    window = Window(2, MINUTE)
    window.take(100)
    assert window.free_at(100) == 100


def test_a_full_window_frees_when_its_oldest_leaves() -> None:
    window = Window(2, DAY, [1000, 2000])
    assert window.free_at(3000) == 1000 + DAY


def test_a_message_given_back_frees_its_room() -> None:
    window = Window(1, DAY)
    window.take(50)
    window.give_back(50)
    assert window.free_at(51) == 51


def test_only_the_newest_times_of_a_takeover_count() -> None:
    window = Window(2, MINUTE, [1, 2, 3, 40, 50])
    assert window.free_at(55) == 40 + MINUTE


@given(st.integers(1, 20), st.lists(st.floats(0, 30), min_size=1, max_size=100))
def test_paced_messages_never_exceed_the_limit_in_any_window(limit: int, gaps: list[float]) -> None:
    window, now, times = Window(limit, MINUTE), 0.0, list[float]()
    for gap in gaps:
        now += gap
        at = window.free_at(now)
        window.take(at)
        times.append(at)
    assert times == sorted(times)
    for first, overflow in zip(times, times[limit:], strict=False):
        assert overflow - first >= MINUTE - 1e-6
