"""Which operations share a statement."""

from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway_worker.store import operations as package
from gateway_worker.store.operations.commands import BeginMessage, FinishCommand, RecordCommand
from gateway_worker.store.operations.identity import DropCredentials, PutKeys
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.receipts import AdvanceStatus
from gateway_worker.store.operations.sessions import AppendEvent
from gateway_worker.store.records import Fence, Status
from gateway_worker.store.writing.rounds import Placed, Round, rounds
from gateway_worker.store.writing.writers import WRITERS
from schemas.names import SessionId
from tests.support.store.stores import advance, arrived, begin, key


def placed(given_operations: Sequence[Operation[Any]], session: str = "s1") -> list[Placed]:
    fence = Fence(session_id=SessionId(session), epoch=1)
    return [Placed(write=n, index=0, fence=fence, operation=operation) for n, operation in enumerate(given_operations)]


def distributed(operations: Sequence[Placed]) -> Sequence[Round]:
    return rounds(operations, {kind: rank for rank, kind in enumerate(WRITERS)})


def shape(given_operations: Sequence[Operation[Any]]) -> list[list[tuple[str, int]]]:
    return [[(kind.__name__, len(each)) for kind, each in one.items()] for one in distributed(placed(given_operations))]


def test_operations_on_different_rows_need_one_round() -> None:
    operations = [begin(1), begin(2), arrived(1), advance(Status.SENT, 3), AppendEvent(type="t", data={})]
    assert shape(operations) == [
        [("BeginMessage", 2), ("ReceiveMessage", 1), ("AdvanceStatus", 1), ("AppendEvent", 1)],
    ]


def test_a_message_begun_and_sent_in_one_group_still_needs_one_round() -> None:
    assert shape([begin(1), advance(Status.SENT, 1)]) == [[("BeginMessage", 1), ("AdvanceStatus", 1)]]


def test_what_goes_against_the_order_of_kinds_waits_for_the_next_round() -> None:
    assert shape([advance(Status.SENT, 1), begin(1)]) == [[("AdvanceStatus", 1)], [("BeginMessage", 1)]]


def test_two_steps_of_one_message_need_two_rounds() -> None:
    operations = [advance(Status.SENT, 1), advance(Status.READ, 1), advance(Status.SENT, 2)]
    assert shape(operations) == [[("AdvanceStatus", 2)], [("AdvanceStatus", 1)]]


def test_the_same_message_of_two_sessions_is_two_rows() -> None:
    both = placed([advance(Status.SENT)], "s1") + placed([advance(Status.SENT)], "s2")
    assert len(distributed(both)) == 1


OPERATIONS = st.one_of(
    st.integers(1, 3).map(begin),
    st.integers(1, 3).map(lambda number: advance(Status.SENT, number)),
    st.integers(1, 3).map(lambda number: FinishCommand(key=key(number), reply=None)),
    st.integers(1, 3).map(lambda number: RecordCommand(key=key(number), body_hash=b"h", type="t")),
    st.integers(1, 3).map(lambda number: PutKeys(keys={("session", str(number)): b"v"})),
    st.just(AppendEvent(type="t", data={})),
)


def touched(operation: Operation[Any]) -> list[str]:
    match operation:
        case BeginMessage():
            return [f"command {operation.key.id}", f"message {operation.message_id}"]
        case RecordCommand() | FinishCommand():
            return [f"command {operation.key.id}"]
        case AdvanceStatus():
            return [f"message {operation.message_id}"]
        case PutKeys():
            return [f"key {each}" for each in operation.keys]
        case _:
            return []


@given(st.lists(OPERATIONS, max_size=30))
def test_every_row_is_touched_in_the_order_of_the_writes(operations: list[Operation[Any]]) -> None:
    executed = [each for one in distributed(placed(operations)) for step in one.values() for each in step]
    assert sorted(each.write for each in executed) == list(range(len(operations))), "each once"
    order: dict[str, list[int]] = defaultdict(list)
    for each in executed:
        for row in touched(each.operation):
            order[row].append(each.write)
    assert all(writes == sorted(writes) for writes in order.values())


@given(st.lists(OPERATIONS, max_size=30))
def test_no_statement_touches_a_row_twice(operations: list[Operation[Any]]) -> None:
    for one in distributed(placed(operations)):
        for step in one.values():
            rows = [row for each in step for row in touched(each.operation)]
            assert len(rows) == len(set(rows))


def test_a_write_that_drops_an_identity_stands_alone() -> None:
    assert DropCredentials().alone
    assert not begin().alone


def test_the_weight_of_a_write_is_its_rows() -> None:
    assert (begin().weight, PutKeys(keys={("pre-key", str(n)): b"" for n in range(812)}).weight) == (1, 812)


def test_every_kind_of_operation_has_its_writer() -> None:
    classes = {
        name
        for module in iter_modules(package.__path__)
        for name, each in vars(import_module(f"{package.__name__}.{module.name}")).items()
        if isinstance(each, type) and issubclass(each, Operation)
    }
    assert {kind.__name__ for kind in WRITERS} == classes - {"Operation"}
