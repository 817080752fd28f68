"""Acks in few words, held against what a broker would still hold after hearing them."""

from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.broker.acks import Acks

STEPS = st.lists(st.one_of(st.just("deliver"), st.just("take"), st.integers(1, 40)), max_size=120)


def test_what_is_settled_without_a_gap_is_one_word() -> None:
    acks = Acks()
    for tag in range(1, 51):
        acks.deliver(tag)
    for tag in (3, 2, 1, 5, 50):
        acks.settle(tag)
    assert acks.take() == [(3, True), (5, False), (50, False)]
    acks.settle(4)
    acks.settle(4)
    assert acks.take() == [(4, True)]
    assert acks.take() == []


@given(STEPS)
def test_the_broker_forgets_what_was_settled_and_nothing_else(steps: list[str | int]) -> None:
    acks, delivered, settled = Acks(), 0, set[int]()
    broker = set[int]()
    for step in [*steps, "take"]:
        if step == "deliver":
            delivered += 1
            broker.add(delivered)
            acks.deliver(delivered)
        elif step == "take":
            for tag, multiple in acks.take():
                assert tag in broker  # RabbitMQ closes the channel for a tag that it does not know
                broker -= {held for held in broker if held == tag or (multiple and held < tag)}
            assert broker == set(range(1, delivered + 1)) - settled
        elif isinstance(step, int):
            acks.settle(step)
            settled |= {step} & set(range(1, delivered + 1))
