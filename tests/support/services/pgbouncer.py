"""PgBouncer in front of a PostgreSQL, as one would find it."""

import asyncio
import os
import pwd
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.packages import PGBOUNCER
from gateway_worker.store.postgres.parameters import startup_parameters

PROGRAM = str(PGBOUNCER) if PGBOUNCER.exists() else shutil.which("pgbouncer")
_PATIENCE_SECONDS = 60.0


@asynccontextmanager
async def a_pooler(database_url: str, folder: Path, *, mode: str, statements: int | None = None) -> AsyncGenerator[str]:
    """The URL of the same database through a pooler in this mode (``transaction``, ``session``).

    `statements`: how many prepared ones it keeps; None: as many as needed, if it can at all (`keeps_statements`).
    """
    assert PROGRAM is not None
    server = urlsplit(database_url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = server.username or "postgres"
    users, configuration = folder / f"users-{port}.txt", folder / f"pgbouncer-{port}.ini"
    users.write_text(f'"{user}" "{server.password or ""}"\n')
    configuration.write_text(
        f"""
[databases]
* = host={server.hostname} port={server.port} user={user} password={server.password or ""}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
auth_file = {users}
pool_mode = {mode}
default_pool_size = 10
ignore_startup_parameters = {",".join(startup_parameters())}
{_max_prepared_statements(statements)}
"""
    )
    account = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    if account is not None:
        for path in (users, configuration):
            os.chown(path, pwd.getpwnam(account).pw_uid, -1)
    program = await asyncio.create_subprocess_exec(
        PROGRAM, str(configuration), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, user=account
    )
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await _listens(port):
                assert program.returncode is None
                await asyncio.sleep(0.02)
        yield f"postgresql://{server.netloc.rpartition('@')[0]}@127.0.0.1:{port}{server.path}".replace("//@", "//")
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()


def keeps_statements() -> bool:
    """Whether it is 1.21 or newer, which prepares on another connection what was prepared on one."""
    assert PROGRAM is not None
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    assert found is not None, said
    return (int(found[1]), int(found[2])) >= (1, 21)


def _max_prepared_statements(wanted: int | None) -> str:
    if not keeps_statements():  # it does not know the word
        return ""
    return f"max_prepared_statements = {200 if wanted is None else wanted}"


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
