"""The last release's worker beside this one's, on the same services: ``python -m tests.chaos.side_by_side REVISION``.

Sessions are paired at this release's worker, move to the old one's and back, and messages pass both ways at each. The
database is migrated by this release, as an upgrade begins. Takes about two minutes; run before each release.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from deploy.local.services import ROOT, PrivateServices
from tests.e2e.conftest import Member, World, a_world
from tests.support.backend import PATIENCE
from tests.support.services.private_services import migrated_database
from tests.support.whatsapp.phones import Phone

_SESSIONS: Final = 3
_BRIDGE: Final = Path("gateway_worker/whatsapp/baileys/bridge")
_POLL_SECONDS: Final = 0.2

say: Final = partial(print, flush=True)


@contextmanager
def tree_of(revision: str) -> Generator[Path]:
    """The revision in a work tree of its own, with the npm packages of this one; it says so if their locks differ."""
    with tempfile.TemporaryDirectory(dir=ROOT / ".local") as folder:
        tree = Path(folder) / "last"
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", tree, revision], check=True)
        try:
            lock, packages = _BRIDGE / "package-lock.json", _BRIDGE / "node_modules"
            if (tree / lock).read_text() != (ROOT / lock).read_text():
                say("  its bridge had other packages: it runs with today's")
            shutil.copytree(ROOT / packages, tree / packages, symlinks=True)
            yield tree
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=True)


async def until_at(world: World, members: list[Member], worker_id: str) -> None:
    """All sessions are connected there."""
    async with asyncio.timeout(2 * PATIENCE):
        for member in members:
            while True:
                description = await world.backend.ask("session.describe.v1", member.session_id)
                found = description["data"]["result"]
                if (found.get("owner"), found["state"]) == (worker_id, "connected"):
                    break
                await asyncio.sleep(_POLL_SECONDS)


async def talk(world: World, members: list[Member], friend: Phone, text: str) -> None:
    """A message each way at each session: it arrives, and is told."""
    for member in members:
        await world.status(await world.send(member, friend, text), "delivered")
        message_id = await world.phones.send(friend, member.phone.number, f"{text}, too")
        await world.backend.event("message.received.v1", lambda e, wanted=message_id: e["data"]["messageId"] == wanted)
    say(f"  ✓ {text}: both ways at {len(members)} sessions")


async def play(services: PrivateServices, tree: Path, directory: Path) -> None:
    """The upgrade, and back, and forth."""
    async with AsyncExitStack() as stack:
        template = await stack.enter_async_context(migrated_database(services))
        world = await stack.enter_async_context(a_world(services, template, directory))
        friend = await world.phones.give("Friend")
        members = [await world.paired(f"Member {number}") for number in range(_SESSIONS)]
        await talk(world, members, friend, "at this release's worker")

        old = await world.stage.start_worker("worker-old", {"PYTHONPATH": str(tree), "GATEWAY_BRIDGES": "1"})
        await world.backend.ask("worker.drain.v1", "worker-001", {})
        await until_at(world, members, "worker-old")
        await world.worker.stop()
        await talk(world, members, friend, "at the last release's worker")

        await world.stage.start_worker("worker-001")
        await world.backend.ask("worker.drain.v1", "worker-old", {})
        await until_at(world, members, "worker-001")
        await old.stop()
        await talk(world, members, friend, "back at this release's worker")


def main() -> None:
    """Exit code 1, and what went wrong, when they do not go together."""
    if len(sys.argv) != 2:
        sys.exit(str(__doc__))
    (ROOT / ".local").mkdir(exist_ok=True)
    with (
        tree_of(sys.argv[1]) as tree,
        PrivateServices(ROOT / ".local" / "side-by-side") as services,
        tempfile.TemporaryDirectory() as folder,
    ):
        asyncio.run(play(services, tree, Path(folder)))
    say(f"{sys.argv[1]} and this tree go together.")


if __name__ == "__main__":
    main()
