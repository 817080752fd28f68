import random

from tests.chaos.cell import Load
from tests.chaos.matrix import CELLS, FLEET, HANGING, SHORT, Direction, chosen, named


def test_every_fault_strikes_while_sending_receiving_and_both() -> None:
    mixed_only = [fault.name for fault in (*HANGING, *FLEET)]
    directions = {(cell.fault.name, cell.direction) for cell in CELLS if cell.fault.name not in mixed_only}
    assert directions == {(name, direction) for name, _ in directions for direction in Direction}
    assert len({cell.name for cell in CELLS}) == len(CELLS)


def test_the_short_form_consists_of_cells_of_the_matrix() -> None:
    assert [named(name).name for name in SHORT] == list(SHORT)


def test_cells_are_chosen_by_words_of_their_names() -> None:
    assert {cell.fault.name for cell in chosen(["redis"])} == {"Redis killed", "Redis flushed", "Redis hangs"}
    assert list(chosen([])) == list(CELLS)


def test_a_cell_strikes_at_the_same_moment_again_under_the_same_seed() -> None:
    one, other = CELLS[0], CELLS[1]
    assert one.chance(7).random() == one.chance(7).random()
    assert one.chance(7).random() != other.chance(7).random()
    assert isinstance(one.chance(7), random.Random)


def test_the_load_outlasts_the_fault() -> None:
    load = Load(messages=100, rate=50)
    assert all(load.seconds_of(cell) > cell.fault.seconds for cell in CELLS)
    assert load.rate_of(named("worker killed / both")) == 25
    assert load.rate_of(named("worker killed / sending")) == 50
