"""Pages of groups: WhatsApp is asked once."""

import asyncio
from collections.abc import Sequence

from gateway_worker.connections.groups.pages import KEPT_SECONDS, GroupPages
from gateway_worker.whatsapp.groups import Group
from tests.support.connections.virtual_time import virtual


def group(number: int) -> Group:
    return Group(
        group_id=f"12036304123456789{number}@g.us",
        subject=f"Group {number}",
        description=None,
        owner=None,
        created=None,
        size=1,
        announcement=False,
        locked=False,
        disappearing=None,
        rank=None,
    )


class WhatsApp:
    """Has these groups, and counts how often it is asked."""

    def __init__(self, *numbers: int) -> None:
        self.groups = [group(number) for number in numbers]
        self.asked = 0

    async def list(self) -> Sequence[Group]:
        self.asked += 1
        return list(self.groups)


async def read(pages: GroupPages, cursor: str | None = None, limit: int = 2) -> tuple[list[str], str | None]:
    found, following = await pages.page(cursor, limit)
    return [each.subject[-1] for each in found], following


@virtual
async def test_the_pages_behind_the_first_are_as_it_found_them() -> None:
    whatsapp = WhatsApp(4, 0, 2, 3, 1)
    pages = GroupPages(whatsapp.list)
    first, cursor = await read(pages)
    whatsapp.groups = [group(9)]
    second, cursor = await read(pages, cursor)
    third, cursor = await read(pages, cursor)
    assert (first, second, third, cursor) == (["0", "1"], ["2", "3"], ["4"], None)
    assert whatsapp.asked == 1


@virtual
async def test_a_first_page_and_one_behind_the_last_ask_again() -> None:
    whatsapp = WhatsApp(0, 1, 2)
    pages = GroupPages(whatsapp.list)
    _, cursor = await read(pages)
    await read(pages)
    assert whatsapp.asked == 2
    assert await read(pages, cursor) == (["2"], None)
    assert whatsapp.asked == 2
    assert await read(pages, cursor) == (["2"], None)  # what was read to its end is not kept
    assert whatsapp.asked == 3


@virtual
async def test_a_page_that_comes_late_asks_again() -> None:
    whatsapp = WhatsApp(0, 1, 2)
    pages = GroupPages(whatsapp.list)
    _, cursor = await read(pages)
    await asyncio.sleep(KEPT_SECONDS / 2)
    await read(pages)  # kept anew: the first one's end is not this one's
    await asyncio.sleep(KEPT_SECONDS * 3 / 4)
    await read(pages, cursor)
    assert whatsapp.asked == 2
    await read(pages)
    await asyncio.sleep(KEPT_SECONDS)
    assert await read(pages, cursor) == (["2"], None)
    assert whatsapp.asked == 4
