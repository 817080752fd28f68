"""When a database is not the continuation of what was marked."""

from dataclasses import replace

import pytest

from gateway_worker.store.postgres.lineage import EPOCH_STEP, SEQUENCE_STEP, LineagePosition, beyond, newest, read_mark

IDENTITY = {"system": "7", "timeline": "00000001", "database": "5", "table": "16400", "row": "733"}
MARK = LineagePosition(number=1, sequence=40, epoch=3, position=1_000, identity=IDENTITY)


def but(**changes: str) -> dict[str, str]:
    return {**IDENTITY, **changes}


@pytest.mark.parametrize(
    "now",
    [
        MARK,
        replace(MARK, position=2_000, sequence=90),
        replace(MARK, position=None),  # a server that does not say
        replace(MARK, identity={"database": "5"}),
        replace(MARK, number=2, identity=but(row="900")),  # begun anew, and not yet marked: a crash in between
    ],
)
def test_the_same_database_later_on_is_its_continuation(now: LineagePosition) -> None:
    assert now.parted(MARK) is None


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (replace(MARK, identity=but(row="734", table="16500")), "another row, another table"),  # dump into the same one
        (replace(MARK, identity=but(database="6")), "another database"),  # dump into a new one, however young
        (replace(MARK, identity=but(timeline="00000002")), "another timeline"),  # point in time, or a replica
        (replace(MARK, identity=but(system="8")), "another system"),
        (replace(MARK, position=999), "an older write-ahead log"),  # the image of a disk
        (replace(MARK, number=0), "restored before"),  # a dump from before the last restore
    ],
)
def test_what_went_back_is_told_apart(now: LineagePosition, reason: str) -> None:
    assert now.parted(MARK) == reason


def test_of_two_marks_the_later_one_counts() -> None:
    stale = replace(MARK, number=0, position=9_000)
    assert newest([stale, MARK]) == MARK
    assert newest([MARK, replace(MARK, position=1_500)]) == replace(MARK, position=1_500)
    assert newest([]) is None


def test_a_mark_is_read_back() -> None:
    assert read_mark(MARK.to_mark()) == MARK
    for body in (b"{}", b"[]", b'{"format":2}', b"\xff", b'{"format":1,"number":1}'):
        with pytest.raises(ValueError, match="not a mark of ours"):
            read_mark(body)


def test_sessions_are_restored_ten_thousand_times_and_their_numbers_still_fit() -> None:
    sequence = epoch = 1
    for _ in range(10_000):
        assert beyond(sequence, SEQUENCE_STEP) - sequence > SEQUENCE_STEP
        sequence, epoch = beyond(sequence, SEQUENCE_STEP) + 500, beyond(epoch, EPOCH_STEP) + 50
    assert epoch < 2**31
    assert sequence < 2**63
