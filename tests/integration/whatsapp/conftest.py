"""One simulator and one engine for the tests that leave both alone."""

from collections.abc import AsyncGenerator

import pytest

from tests.support.whatsapp.engine import Lab, lab


@pytest.fixture(scope="session")
async def shared() -> AsyncGenerator[Lab]:
    """Whoever kills a bridge or changes a setting makes a lab of its own."""
    async with lab() as running:
        yield running
