from collections.abc import Iterator

import pytest

from tests.support.whatsapp.baileys_peer import Peer, baileys_peer


@pytest.fixture(scope="session")
def peer() -> Iterator[Peer]:
    with baileys_peer() as running:
        yield running
