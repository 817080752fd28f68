"""The groups of an account, page by page. WhatsApp tells all of them at once: only the first page asks.

What the first page found is kept in memory until the last page is read, for a minute at most. A page that comes later,
or to another worker, asks again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway_worker.whatsapp.groups import Group

KEPT_SECONDS: Final = 60.0


class GroupPages:
    """For one session. `ask` asks WhatsApp for all groups."""

    def __init__(self, ask: Callable[[], Awaitable[Sequence[Group]]]) -> None:
        self._ask = ask
        self._kept: Sequence[Group] | None = None

    async def page(self, cursor: str | None, limit: int) -> tuple[Sequence[Group], str | None]:
        """Groups in the order of their ids, from behind `cursor`; and the next cursor, when there are more.

        Without a cursor it is the first page. What `ask` raises, it raises.
        """
        groups = self._kept if cursor is not None else None
        if groups is None:
            groups = sorted(await self._ask(), key=lambda group: group.group_id)
            self._keep(groups)
        rest = [group for group in groups if cursor is None or group.group_id > cursor]
        if len(rest) <= limit:
            self._let_go(groups)
            return rest, None
        return rest[:limit], rest[limit - 1].group_id

    def _keep(self, groups: Sequence[Group]) -> None:
        self._kept = groups
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._let_go, groups)

    def _let_go(self, groups: Sequence[Group]) -> None:
        if self._kept is groups:
            self._kept = None
