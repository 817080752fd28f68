"""Imports are left alone by the collector, which goes on with all that comes after them."""

import gc
import weakref

from gateway_worker.timing.garbage import imports


class Ring:
    """Refers to itself: only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


def test_the_collector_rests_while_modules_are_imported_and_passes_over_them_afterwards() -> None:
    before = gc.get_freeze_count()
    with imports():
        assert not gc.isenabled()
        module = Ring()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    assert not any(each is module for each in gc.get_objects())


def test_what_comes_later_is_collected() -> None:
    with imports():
        pass
    gone = weakref.ref(Ring())
    gc.collect()
    assert gone() is None
