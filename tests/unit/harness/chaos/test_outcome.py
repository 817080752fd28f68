from tests.chaos.accounts.checker import Finding, Kind
from tests.chaos.accounts.outcome import reasons_of
from tests.chaos.accounts.recovery import Recovery
from tests.chaos.matrix import Fault, named

WELL = Recovery(first=1, p99=2, drained=0)
WORKER = named("worker killed / sending").fault
RESTORED = named("PostgreSQL restored from a dump / both").fault
WHATSAPP = named("WhatsApp drops all / sending").fault


def reasons(fault: Fault, *kinds: Kind, found: Recovery = WELL, timed: bool = True) -> list[str]:
    findings = [Finding(kind=kind, evidence=f"s command c{number}") for number, kind in enumerate(kinds)]
    return reasons_of(fault, findings, found, (), timed=timed)


def test_a_scenario_without_findings_is_green() -> None:
    assert reasons(WORKER) == []


def test_every_kind_that_is_not_counted_apart_makes_it_red() -> None:
    assert reasons(WORKER, Kind.GAP, Kind.GAP) == ["2 x sequence gap: s command c0; s command c1"]


def test_only_a_few_pieces_of_evidence_are_shown() -> None:
    assert reasons(WORKER, *[Kind.GAP] * 5)[0].endswith("; and 2 more")


def test_a_repeated_event_is_allowed_only_where_a_confirmation_can_be_lost() -> None:
    assert reasons(WORKER, Kind.REPEATED_EVENT, Kind.RESENT, Kind.REDELIVERED_EVENT) == []
    assert len(reasons(WHATSAPP, Kind.REPEATED_EVENT)) == 1


def test_what_is_told_late_is_allowed_only_where_ratchets_are_lost() -> None:
    assert reasons(RESTORED, Kind.LATE) == []
    assert reasons(WORKER, Kind.LATE) == ["1 x told after what was written later: s command c0"]
    assert len(reasons(RESTORED, Kind.OUT_OF_ORDER_EVENT)) == 1


def test_a_recovery_that_takes_too_long_makes_it_red_unless_nobody_looks_at_the_clock() -> None:
    slow = Recovery(first=1, p99=10.5, drained=0)
    assert reasons(WORKER, found=slow) == ["recovered in 10.5 s (p99 of sessions), wanted 10 s"]
    assert reasons(WORKER, found=slow, timed=False) == []
    assert reasons(WHATSAPP, found=slow) == []


def test_a_session_that_never_came_back_makes_it_red_where_a_limit_is_set() -> None:
    gone = Recovery(first=1, p99=1, drained=0, never=("s01",))
    assert reasons(WORKER, found=gone) == ["1 sessions never worked again: s01"]
    assert reasons(WHATSAPP, found=gone) == []
