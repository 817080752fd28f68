"""A state that was written and read again is the same world: everybody goes on where they were."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_worker.simulator.control import fault_actions
from gateway_worker.simulator.core import Core
from gateway_worker.simulator.shell.state_file import Keeper, new_state
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.fault import FaultKind
from gateway_worker.simulator.world.pickled import State, StateError, dump, header, load
from tests.unit.simulator.stage import Client, Stage

BOB = "15550000002"
HEADER = header()


def _state(stage: Stage) -> State:
    pending = [(due, act) for due, _, act in stage.timers]
    return replace(new_state(), world=stage.core.world, pending=pending, last_connection=7)


def _restart(stage: Stage, *clients: Client) -> State:
    """The stage's server ends and starts again from its state."""
    for client in clients:
        client.leave()
    state = load(dump(_state(stage)), os.urandom)
    stage.core = Core(state.world)
    stage.timers = [(due, index, act) for index, (due, act) in enumerate(state.pending)]
    return state


def test_ratchets_inboxes_queues_and_the_ledger_go_on_after_a_restart(stage: Stage) -> None:
    ann, bob = stage.person(), stage.person(BOB)
    client = stage.companion(ann)
    client.write(bob, "before", "M1")
    stage.run()
    client.read(client.got("message", id=stage.send(bob, ann, "answer"))[0])
    client.leave()
    waiting = stage.send(bob, ann, "while nobody was there")
    _restart(stage)
    world = stage.core.world
    ann, bob = world.accounts[ann.phone], world.accounts[BOB]
    client.account = ann
    client.log_in()
    client.ask("passive", client.signed_prekey())
    client.say(Node("ib", {}, [Node("offline_batch", {"count": "100"})]))
    (late,) = client.got("message", id=waiting)
    assert client.read(late).conversation == "while nobody was there"
    client.write(bob, "after", "M2")
    assert [kept.message.conversation for kept in bob.primary.messages.values() if not kept.own] == ["before", "after"]
    assert world.stats.decrypt_failures == 0
    assert next(iter(world.ledger.by_id)) == "M1"


def test_what_a_phone_was_about_to_say_is_said_after_a_restart(stage: Stage) -> None:
    ann, bob = stage.person(), stage.person(BOB)
    client = stage.companion(ann)
    client.write(bob, "hello", "M1")  # the phone confirms 20 ms later
    _restart(stage, client)
    client.account = stage.core.world.accounts[ann.phone]
    client.log_in()
    stage.run()
    said = stage.core.world.accounts[ann.phone].devices[1].queue
    assert [(key[0], key[1], key[4]) for key in said] == [("receipt", "M1", ""), ("receipt", "M1", "sender")]


def test_faults_prekeys_and_keys_are_kept(stage: Stage) -> None:
    ann = stage.person()
    client = stage.companion(ann)
    asked = fault_actions.FaultRequest(kind=FaultKind.MUTE, phone=ann.phone, code=0, after=0.0, count=3)
    stage.turn(lambda turn: fault_actions.add_fault(turn, asked))
    spent, left = set(ann.devices[1].spent_prekeys), dict(ann.devices[1].prekeys)
    client.leave()
    before = _state(stage)
    after = load(dump(before), os.urandom)
    assert (after.root.public, after.static.public) == (before.root.public, before.static.public)
    device = after.world.accounts[ann.phone].devices[1]
    assert (device.spent_prekeys, device.prekeys) == (spent, left)
    assert [fault.remaining for fault in after.world.faults] == [3]
    assert after.world.accounts[ann.phone].primary.device is after.world.lids[ann.lid].devices[0]


@pytest.mark.parametrize("content", [b"", b"something else", HEADER, HEADER + b"\x80\x05K\x01."])
def test_what_is_no_state_is_refused(content: bytes) -> None:
    with pytest.raises(StateError):
        load(content, os.urandom)


def test_a_state_names_no_classes_but_the_simulators(stage: Stage) -> None:
    assert dump(_state(stage)).startswith(HEADER)
    with pytest.raises(StateError):
        load(HEADER + pickle.dumps(os.getcwd), os.urandom)


def test_a_killed_run_leaves_no_state_and_the_next_one_says_so(tmp_path: Path, stage: Stage) -> None:
    stage.person()
    keeper = Keeper(tmp_path / "whatsapp.state")
    assert keeper.take() is None
    keeper.keep(_state(stage))
    assert keeper.take() is not None  # in use now; and then it is killed
    with pytest.raises(StateError, match="killed"):
        keeper.take()
