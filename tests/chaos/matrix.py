"""The matrix: every fault, while sending, while receiving, and while both."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.chaos import faults
from tests.chaos.environment.disks import why_no_disks
from tests.chaos.environment.network import why_no_network
from tests.chaos.faults import Strike


class Direction(StrEnum):
    """What the load does."""

    SENDING = "sending"
    RECEIVING = "receiving"
    BOTH = "both"


class Stand(StrEnum):
    """Which environment a fault wants."""

    PLAIN = "plain"
    FLEET = "fleet"  # 50 sessions on one worker, none on the other
    BRANCH = "branch"  # one worker behind a cable
    SMALL_DISKS = "small disks"


def _can() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A plug to pull.

    Attributes:
        name: short, for `--only` and the report.
        seconds: how long it hinders.
        limit: seconds in which work must flow again, where the issue names them.
        loses_confirms: it may take away the confirmation of an event that was published, or the note of it, so that
            the same event comes again under the same id: consumers deduplicate, as the contract tells them.
        loses_ratchets: phones are asked once more for what they wrote in the old ones, so it is told after what they
            wrote later, as the README says (decision 0032).
        why_not: why it cannot be made here, if so.
    """

    name: str
    strike: Strike
    seconds: float = 0.0
    limit: float | None = None
    loses_confirms: bool = True
    loses_ratchets: bool = False
    stand: Stand = Stand.PLAIN
    why_not: Callable[[], str | None] = _can


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One fault under one load."""

    fault: Fault
    direction: Direction

    @property
    def name(self) -> str:
        """For people and `--only`."""
        return f"{self.fault.name} / {self.direction}"

    def chance(self, seed: int) -> random.Random:
        """Its own randomness: a scenario that runs alone does what it does among others."""
        return random.Random(f"{seed} {self.name}")


PLAIN: Final = (
    Fault(name="worker killed", strike=faults.kill_worker, limit=10),
    Fault(name="worker killed, restarted", strike=faults.kill_and_restart_worker, limit=5),
    Fault(name="bridge killed", strike=faults.kill_bridge, loses_confirms=False),
    Fault(name="worker frozen 60 s", strike=faults.freeze_worker, seconds=faults.FREEZE_SECONDS),
    Fault(name="RabbitMQ killed", strike=faults.kill_rabbitmq, seconds=8, limit=5),
    Fault(name="PostgreSQL killed", strike=faults.kill_postgresql, seconds=3, limit=5),
    Fault(name="PostgreSQL restored from a dump", strike=faults.restore_postgresql, seconds=15, loses_ratchets=True),
    Fault(name="Redis killed", strike=faults.kill_redis, seconds=5, loses_confirms=False),
    Fault(name="Redis flushed", strike=faults.flush_redis, loses_confirms=False),
    Fault(name="S3 away", strike=faults.kill_s3, seconds=9, loses_confirms=False),
    Fault(name="WhatsApp drops all", strike=faults.drop_whatsapp, seconds=4, loses_confirms=False),
    Fault(name="WhatsApp restarts", strike=faults.restart_whatsapp, seconds=5, loses_confirms=False),
    Fault(name="WhatsApp 503 storm", strike=faults.storm_whatsapp, seconds=faults.STORM_SECONDS, loses_confirms=False),
)
HANGING: Final = (
    Fault(name="bridge frozen", strike=faults.freeze_bridge, seconds=faults.HANG_SECONDS, loses_confirms=False),
    Fault(name="RabbitMQ hangs", strike=faults.hang_rabbitmq, seconds=faults.HANG_SECONDS),
    Fault(name="PostgreSQL hangs", strike=faults.hang_postgresql, seconds=faults.HANG_SECONDS),
    Fault(name="Redis hangs", strike=faults.hang_redis, seconds=faults.HANG_SECONDS, loses_confirms=False),
    Fault(name="both workers killed, restarted", strike=faults.kill_both_workers, seconds=5),
)
"""Beyond what was asked for, under the mixed load only."""
SMALL_DISKS: Final = (
    Fault(
        name="disk of PostgreSQL full",
        strike=faults.fill_disk_of_postgresql,
        seconds=12,
        stand=Stand.SMALL_DISKS,
        why_not=why_no_disks,
    ),
    Fault(
        name="disk of RabbitMQ full",
        strike=faults.fill_disk_of_rabbitmq,
        seconds=15,
        stand=Stand.SMALL_DISKS,
        why_not=why_no_disks,
    ),
)
NETWORK: Final = (
    Fault(
        name="network cut",
        strike=faults.cut_network,
        seconds=faults.CUT_SECONDS,
        stand=Stand.BRANCH,
        why_not=why_no_network,
    ),
)
FLEET: Final = (
    Fault(name="worker with 50 sessions killed", strike=faults.kill_worker, limit=10, stand=Stand.FLEET),
    Fault(
        name="worker with 50 sessions killed, restarted",
        strike=faults.kill_and_restart_worker,
        limit=5,
        stand=Stand.FLEET,
    ),
)


def _scenarios() -> Sequence[Scenario]:
    every = [
        Scenario(fault=fault, direction=direction)
        for fault in (*PLAIN, *NETWORK, *SMALL_DISKS)
        for direction in Direction
    ]
    return (*every, *(Scenario(fault=fault, direction=Direction.BOTH) for fault in (*HANGING, *FLEET)))


SCENARIOS: Final = _scenarios()

SHORT: Final = (
    "worker killed / both",
    "worker killed, restarted / sending",
    "bridge killed / receiving",
    "RabbitMQ killed / both",
    "PostgreSQL killed / both",
    "WhatsApp drops all / both",
)
"""The scenarios of the short form."""


def named(name: str) -> Scenario:
    """The scenario of that very name."""
    return next(scenario for scenario in SCENARIOS if scenario.name == name)


def chosen(words: Sequence[str]) -> Sequence[Scenario]:
    """The scenarios whose name contains one of the words; all without words."""
    return [
        scenario for scenario in SCENARIOS if not words or any(word.lower() in scenario.name.lower() for word in words)
    ]
