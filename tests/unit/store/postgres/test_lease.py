"""The lease, on a clock of the test's."""

from gateway_worker.store.postgres.lease import LEASE_SECONDS, Lease


class Played:
    """A lease whose clock stands where the test puts it, and what it told."""

    def __init__(self) -> None:
        self.time = 100.0
        self.noticed: list[str] = []
        self.lease = Lease(monotonic=lambda: self.time)
        self.lease.on_lapse(lambda: self.noticed.append("lapse"))
        self.lease.on_return(lambda: self.noticed.append("return"))


async def test_without_a_first_lease_nothing_is_restricted() -> None:
    played = Played()
    assert played.lease.permits
    assert played.lease.remaining == 0


async def test_it_counts_from_before_the_renewal_was_sent() -> None:
    played = Played()
    played.time += 3  # so long the answer took
    played.lease.extend(100.0)
    assert played.lease.remaining == LEASE_SECONDS - 3


async def test_it_runs_out_by_itself_whoever_looks_first() -> None:
    played = Played()
    played.lease.extend(played.time)
    played.time += LEASE_SECONDS - 0.001
    assert played.lease.permits
    played.time += 0.001
    assert not played.lease.permits
    assert played.noticed == [], "nobody has looked yet"
    played.lease.check()
    played.lease.check()
    assert played.noticed == ["lapse"]


async def test_a_worker_that_was_stopped_is_fenced_before_it_may_go_on() -> None:
    played = Played()
    played.lease.extend(played.time)
    played.time += 60  # it wakes, and the first thing that happens is a renewal
    played.lease.extend(played.time)
    assert played.noticed == ["lapse", "return"]
    assert played.lease.permits


async def test_a_lease_without_the_lock_keeps_the_worker_going_and_its_trouble_open() -> None:
    played = Played()
    played.lease.extend(played.time)
    played.lease.trouble()
    played.time += 19
    played.lease.extend(played.time, locked=False)
    assert played.lease.remaining == LEASE_SECONDS
    assert not played.lease.settled
    assert played.noticed == []


async def test_after_trouble_others_are_given_time_to_come_back() -> None:
    played = Played()
    played.lease.extend(played.time)
    assert played.lease.settled
    played.lease.trouble()
    assert not played.lease.settled
    played.lease.extend(played.time)
    assert played.noticed == ["return"]
    assert not played.lease.settled
    played.time += 5
    assert played.lease.settled
