"""Orders, causes and refusals: the pure decisions."""

import pytest

from gateway_worker.connections.lifecycle.availability import refusal
from gateway_worker.connections.lifecycle.causes import VERDICTS, Retry, judge
from gateway_worker.connections.lifecycle.desired import Orders, Step, connects_at_takeover, next_step
from gateway_worker.connections.lifecycle.states import LIVE, TRANSITIONS, State, Trigger
from gateway_worker.store.records import Desired
from gateway_worker.whatsapp.facts import Cause
from schemas.errors import ClientOutdated, SessionNotConnected
from schemas.events.sessions import Action, Reason


def orders(desired: Desired, *, fresh: bool = True, restart: bool = False) -> Orders:
    return Orders(desired=desired, generation=1, fresh=fresh, restart=restart, purge=False)


@pytest.mark.parametrize(
    ("given", "linked", "due", "step"),
    [
        (orders(Desired.CONNECTED), False, False, Step.OPEN),
        (orders(Desired.CONNECTED), True, False, Step.NOTE),
        (orders(Desired.CONNECTED, restart=True), True, False, Step.CLOSE),
        (orders(Desired.CONNECTED, restart=True), False, False, Step.OPEN),
        (orders(Desired.CONNECTED, fresh=False), False, True, Step.OPEN),
        (orders(Desired.CONNECTED, fresh=False), False, False, Step.REST),
        (orders(Desired.LOGGED_OUT), True, False, Step.LOG_OUT),
        (orders(Desired.LOGGED_OUT, fresh=False), False, True, Step.REST),
        (orders(Desired.DISCONNECTED), True, False, Step.CLOSE),
        (orders(Desired.DISCONNECTED), False, False, Step.NOTE),
        (orders(Desired.DELETED, fresh=False), True, False, Step.DELETE),
    ],
)
def test_what_to_do_next(given: Orders, linked: bool, due: bool, step: Step) -> None:  # noqa: FBT001 (a table's columns)
    assert next_step(given, linked=linked, due=due) is step


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_leads_somewhere_from_every_live_state(cause: Cause) -> None:
    for state in LIVE:
        verdict = judge(cause, state)
        assert verdict.retry is Retry.AT_ONCE or (state, verdict.trigger) in TRANSITIONS


def test_only_what_comes_back_by_itself_is_tried_again_and_the_rest_says_what_to_do() -> None:
    for verdict in VERDICTS.values():
        if verdict.retry is Retry.NEVER:
            assert verdict.reason is not None
            assert verdict.reason.action is not Action.NONE
        assert (verdict.trigger is Trigger.DROPPED) == (verdict.retry is Retry.BACKOFF)


def test_a_session_is_not_taken_up_where_a_person_must_act_first() -> None:
    acts = {state for state in State if not connects_at_takeover(state, None, has_retry=False)}
    assert acts == {
        State.DISCONNECTED,
        State.LOGGED_OUT,
        State.RESTRICTED,
        State.FAILED,
        State.DELETED,
    }
    assert connects_at_takeover(State.FAILED, {"code": "client.outdated"}, has_retry=False)


def test_a_refusal_says_the_state_and_its_reason() -> None:
    outdated = Reason(code="client.outdated", message="old", action=Action.UPGRADE)
    assert isinstance(refusal(State.FAILED, outdated), ClientOutdated)
    replaced = refusal(State.FAILED, Reason(code="session.replaced", message="taken", action=Action.CONTACT_SUPPORT))
    assert isinstance(replaced, SessionNotConnected)
    assert replaced.detail == {"state": "failed", "reason": "session.replaced"}
