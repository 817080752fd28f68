"""How much of each section is measured: a look, the record, or all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.bench.measure import MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Counts of messages, rounds (A B, B A …), sessions; seconds of a steady rate; bytes of a document.

    Attributes:
        name: how the report calls it.
        repeats: a section that was disturbed is measured once more.
        rounds: passes of each side, of which the median counts.
        messages: of one pass, by how many are in flight.
        paced_seconds: of 40 messages a second.
        senders: sessions that write at once (S4).
        incoming: messages of one pass from phones (S5).
        live: numbers of live sessions, between which a message's cost is compared (S6).
        fleet: numbers of sessions that come back after a restart (S7).
        group_members, group_messages: how large the group is, and how many it gets (S9).
        pairings: sessions that are paired while their CPU is counted (S10).
        taken_over: sessions of a worker that is killed (S11).
        connections, connection_rate: of the load on the simulator alone (S12).
        document: bytes of a document (S13).
        documents: of 64 MiB, one after the other, for the memory that they take.
    """

    name: str
    repeats: bool
    rounds: int
    messages: Mapping[int, int]
    paced_seconds: float
    senders: int
    incoming: int
    live: tuple[int, ...]
    fleet: tuple[int, ...]
    group_members: int
    group_messages: int
    pairings: int
    taken_over: int
    connections: int
    connection_rate: int
    connection_seconds: int
    document: int
    documents: int


QUICK: Final = Scale(
    name="a quick look, which is no record",
    repeats=False,
    rounds=2,
    messages={1: 60, 8: 150, 32: 300},
    paced_seconds=4,
    senders=10,
    incoming=200,
    live=(1, 10),
    fleet=(20,),
    group_members=32,
    group_messages=60,
    pairings=8,
    taken_over=20,
    connections=200,
    connection_rate=200,
    connection_seconds=5,
    document=16 * MIB,
    documents=1,
)
RECORD: Final = Scale(
    name="the record",
    repeats=True,
    rounds=5,
    messages={1: 200, 8: 600, 32: 1_000},
    paced_seconds=15,
    senders=50,
    incoming=1_000,
    live=(1, 10, 100),
    fleet=(100,),
    group_members=256,
    group_messages=1_000,
    pairings=40,
    taken_over=100,
    connections=500,
    connection_rate=500,
    connection_seconds=20,
    document=64 * MIB,
    documents=3,
)
FULL: Final = Scale(
    name="the full record",
    repeats=True,
    rounds=5,
    messages=RECORD.messages,
    paced_seconds=15,
    senders=50,
    incoming=1_000,
    live=(1, 10, 100, 1_000),
    fleet=(100, 1_000),
    group_members=256,
    group_messages=1_000,
    pairings=40,
    taken_over=100,
    connections=2_000,
    connection_rate=1_000,
    connection_seconds=20,
    document=1024 * MIB,
    documents=5,
)
