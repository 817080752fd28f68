import random

from tests.chaos.matrix import FLEET, HANGING, SCENARIOS, SHORT, Direction, chosen, named
from tests.chaos.scenario import Load


def test_every_fault_strikes_while_sending_receiving_and_both() -> None:
    mixed_only = [fault.name for fault in (*HANGING, *FLEET)]
    directions = {
        (scenario.fault.name, scenario.direction) for scenario in SCENARIOS if scenario.fault.name not in mixed_only
    }
    assert directions == {(name, direction) for name, _ in directions for direction in Direction}
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_the_short_form_consists_of_cells_of_the_matrix() -> None:
    assert [named(name).name for name in SHORT] == list(SHORT)


def test_cells_are_chosen_by_words_of_their_names() -> None:
    assert {scenario.fault.name for scenario in chosen(["redis"])} == {"Redis killed", "Redis flushed", "Redis hangs"}
    assert list(chosen([])) == list(SCENARIOS)


def test_a_scenario_strikes_at_the_same_moment_again_under_the_same_seed() -> None:
    one, other = SCENARIOS[0], SCENARIOS[1]
    assert one.chance(7).random() == one.chance(7).random()
    assert one.chance(7).random() != other.chance(7).random()
    assert isinstance(one.chance(7), random.Random)


def test_the_load_outlasts_the_fault() -> None:
    load = Load(messages=100, rate=50)
    assert all(load.seconds_of(scenario) > scenario.fault.seconds for scenario in SCENARIOS)
    assert load.rate_of(named("worker killed / both")) == 25
    assert load.rate_of(named("worker killed / sending")) == 50
