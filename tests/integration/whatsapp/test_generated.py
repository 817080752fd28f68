"""Whatever WAProto lets a stranger write, the real bridge stores it once and goes on."""

from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.whatsapp.engine import Lab
from tests.support.whatsapp.wilderness import Wilderness

_EXAMPLES: Final = 20
_MESSAGES: Final = 100
_LONGEST: Final = 10.0
"""Seconds that the bridge's event loop may stand still: this machine may have much else to do."""


@pytest.fixture(scope="module")
async def wilderness(shared: Lab) -> Wilderness:
    return await Wilderness.of(shared)


@pytest.mark.timeout(600)
@settings(
    max_examples=_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example]
)
@given(seeds=st.lists(st.integers(0, 2**32 - 1), min_size=_MESSAGES, max_size=_MESSAGES, unique=True))
async def test_two_thousand_wild_messages_are_stored_once_each(wilderness: Wilderness, seeds: list[int]) -> None:
    await wilderness.endure(seeds)
    assert wilderness.longest < _LONGEST
