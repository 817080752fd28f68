"""The session's life as a table, walked at random and read as a whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.connections.lifecycle.states import (
    IDLE,
    LIVE,
    TRANSITIONS,
    InvalidTransition,
    State,
    Trigger,
    follow,
)


def reachable_from(start: State) -> set[State]:
    found, frontier = {start}, [start]
    while frontier:
        here = frontier.pop()
        for (state, _), to in TRANSITIONS.items():
            if state == here and to not in found:
                found.add(to)
                frontier.append(to)
    return found


def test_every_state_is_reachable_from_a_fresh_session() -> None:
    assert reachable_from(State.DISCONNECTED) == set(State)


def test_every_trigger_is_the_exit_of_some_state() -> None:
    assert {trigger for _, trigger in TRANSITIONS} == set(Trigger)


def test_every_state_is_live_or_idle_or_deleted() -> None:
    assert LIVE | IDLE | {State.DELETED} == set(State)
    assert not LIVE & IDLE


@pytest.mark.parametrize("state", sorted(LIVE | IDLE))
def test_a_session_in_any_state_can_be_opened_logged_out_and_deleted(state: State) -> None:
    assert follow(state, Trigger.OPENED) is State.CONNECTING
    assert follow(state, Trigger.UNLINKED) is State.LOGGED_OUT
    assert follow(state, Trigger.REMOVED) is State.DELETED


@pytest.mark.parametrize("trigger", list(Trigger))
def test_a_deleted_session_has_no_exit(trigger: Trigger) -> None:
    with pytest.raises(InvalidTransition):
        follow(State.DELETED, trigger)


@given(st.lists(st.sampled_from(list(Trigger)), max_size=40))
def test_a_walk_stays_in_the_table_and_connects_only_by_logging_in(triggers: list[Trigger]) -> None:
    state = State.DISCONNECTED
    for trigger in triggers:
        try:
            after = follow(state, trigger)
        except InvalidTransition:
            continue
        assert (after is State.CONNECTED) == (trigger is Trigger.LOGGED_IN)
        if trigger is Trigger.LOGGED_IN:
            assert state in LIVE  # nobody logs in without a socket
        state = after


def test_a_socket_that_is_not_there_cannot_drop() -> None:
    for state in IDLE:
        with pytest.raises(InvalidTransition):
            follow(state, Trigger.DROPPED)
